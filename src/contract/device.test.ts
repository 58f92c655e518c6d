import fc from 'fast-check';
import { MAX_DEVICE_PAYLOAD_BYTES, STATUS_DETAIL_KEY_PATTERN } from '../domain/limits';
import { EXECUTION_STATUSES, REPORTABLE_STATUSES } from '../domain/statuses';
import {
  describeRequestSchema,
  getRequestSchema,
  parseDeviceRequest,
  startNextRequestSchema,
  updateRequestSchema,
} from './device';

const schemas = [getRequestSchema, startNextRequestSchema, describeRequestSchema, updateRequestSchema];

const json = (body: unknown) => Buffer.from(JSON.stringify(body));
const update = (fields: Record<string, unknown>) =>
  parseDeviceRequest(updateRequestSchema, json({ status: 'IN_PROGRESS', clientToken: 't-1', ...fields }));

const refused = (field: string) => ({
  ok: false,
  code: 'InvalidRequest',
  message: expect.stringContaining(field) as string,
  clientToken: 't-1',
});

const key = fc.oneof(
  fc.stringMatching(new RegExp(STATUS_DETAIL_KEY_PATTERN.source)),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', '7'),
);
const value = fc.string({ maxLength: 1024, unit: 'grapheme-ascii' });
const statusDetails = fc
  .uniqueArray(fc.tuple(key, value), { maxLength: 10, selector: ([name]) => name })
  .map((pairs) => Object.fromEntries(pairs));
const token = fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme-ascii' });

describe('payloads that are no request', () => {
  test('an empty payload is an empty object', () => {
    expect(parseDeviceRequest(getRequestSchema, Buffer.alloc(0))).toEqual({ ok: true, request: {} });
    expect(parseDeviceRequest(describeRequestSchema, Buffer.alloc(0))).toEqual({
      ok: true,
      request: { includeJobDocument: true },
    });
  });

  test.each(['nonsense', '{"a":', '[]', '"text"', '1', 'null', 'true', ' '])('%p is InvalidJson', (text) => {
    expect(parseDeviceRequest(getRequestSchema, Buffer.from(text))).toMatchObject({ code: 'InvalidJson' });
  });

  test('binary is InvalidJson, even where only a string in it is broken', () => {
    const broken = Buffer.concat([Buffer.from('{"clientToken":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(parseDeviceRequest(getRequestSchema, Buffer.from([0, 1, 0xff]))).toMatchObject({
      code: 'InvalidJson',
    });
    expect(parseDeviceRequest(getRequestSchema, broken)).toMatchObject({ code: 'InvalidJson' });
  });

  test('the size is bounded, to the byte', () => {
    const filled = (bytes: number) => Buffer.from(`{"x":"${'x'.repeat(bytes - 8)}"}`);
    expect(parseDeviceRequest(getRequestSchema, filled(MAX_DEVICE_PAYLOAD_BYTES))).toMatchObject({
      ok: true,
    });
    expect(parseDeviceRequest(getRequestSchema, filled(MAX_DEVICE_PAYLOAD_BYTES + 1))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('262145 bytes') as string,
    });
  });

  test('deep nesting is harmless', () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    expect(parseDeviceRequest(getRequestSchema, Buffer.from(`{"x":${deep}}`))).toMatchObject({ ok: true });
    expect(
      parseDeviceRequest(startNextRequestSchema, Buffer.from(`{"statusDetails":{"x":${deep}}}`)),
    ).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('statusDetails.x') as string,
    });
  });

  test('whatever arrives, there is an answer of bounded length', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...schemas),
        fc.oneof(
          fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
          fc.json().map((text) => Buffer.from(text)),
          fc.object().map(json),
        ),
        (schema, payload) => {
          const parsed = parseDeviceRequest<unknown>(schema, payload);
          expect(parsed.ok || (parsed.message.length > 0 && parsed.message.length < 1000)).toBe(true);
        },
      ),
    );
  });
});

describe('legal requests', () => {
  test('an update comes out as it went in, numbers and numeric strings alike', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            status: fc.constantFrom(...REPORTABLE_STATUSES),
            statusDetails,
            expectedVersion: fc.nat(),
            executionNumber: fc.nat(),
            stepTimeoutInMinutes: fc.oneof(
              fc.constant(-1),
              fc.double({ min: 1 / 60, max: 10_080, noNaN: true }),
            ),
            includeJobDocument: fc.boolean(),
            includeJobExecutionState: fc.boolean(),
            clientToken: token,
          },
          { requiredKeys: ['status'] },
        ),
        fc.boolean(),
        (request, asStrings) => {
          const sent: Record<string, unknown> = { ...request };
          for (const field of ['expectedVersion', 'executionNumber']) {
            if (asStrings && field in sent) sent[field] = String(sent[field]);
          }
          const parsed = parseDeviceRequest(updateRequestSchema, json(sent));
          expect(parsed).toEqual({
            ok: true,
            request: { includeJobDocument: false, includeJobExecutionState: false, ...request },
          });
          const { statusDetails: details } = (parsed as { request: typeof request }).request;
          expect(Object.entries(details ?? {})).toEqual(Object.entries(request.statusDetails ?? {}));
        },
      ),
    );
  });

  test('unknown fields are ignored', () => {
    expect(parseDeviceRequest(getRequestSchema, json({ clientToken: 'a', thingName: 'x' }))).toEqual({
      ok: true,
      request: { clientToken: 'a' },
    });
  });
});

describe('illegal fields are named, and the clientToken comes back', () => {
  const unreportable = EXECUTION_STATUSES.filter(
    (s) => !(REPORTABLE_STATUSES as readonly string[]).includes(s),
  );

  test.each([...unreportable, 'succeeded', '', null, 5, {}, []])('status %p', (status) => {
    expect(update({ status })).toEqual(refused('status must be one of IN_PROGRESS, SUCCEEDED'));
  });

  test('no status', () => {
    expect(update({ status: undefined })).toEqual(refused('status is missing'));
  });

  test.each([
    ['x'],
    [-1],
    [1.5],
    ['1.5'],
    [''],
    ['-1'],
    ['1e3'],
    [null],
    [true],
    [2 ** 60],
    ['9'.repeat(40)],
  ])('expectedVersion and executionNumber %p', (bad) => {
    expect(update({ expectedVersion: bad })).toEqual(refused('expectedVersion must be a whole number'));
    expect(update({ executionNumber: bad })).toEqual(refused('executionNumber must be a whole number'));
  });

  test.each([[0], [0.016], [10_081], [-2], ['5'], [null]])('stepTimeoutInMinutes %p', (bad) => {
    expect(update({ stepTimeoutInMinutes: bad })).toEqual(refused('stepTimeoutInMinutes must be a number'));
  });

  test('a step timer can be cleared by an update only', () => {
    const startNext = parseDeviceRequest(startNextRequestSchema, json({ stepTimeoutInMinutes: -1 }));
    expect(startNext).toMatchObject({ code: 'InvalidRequest' });
    expect(update({ stepTimeoutInMinutes: -1 })).toMatchObject({ ok: true });
  });

  test.each([
    ['nested', { a: { b: 'c' } }, 'statusDetails.a must be a string, not an object'],
    ['a number', { a: 1 }, 'statusDetails.a must be a string, not 1'],
    ['too long', { a: 'x'.repeat(1025) }, 'statusDetails.a must be at most 1,024 characters'],
    ['a control character', { a: '\u0007' }, 'statusDetails.a'],
    ['a key with a space', { 'a b': 'c' }, 'statusDetails.a b is no valid key'],
    ['a long key', { ['k'.repeat(129)]: 'c' }, 'is no valid key'],
    [
      'a bad one under __proto__',
      JSON.parse('{"__proto__":{}}'),
      'statusDetails.__proto__ must be a string, not an object',
    ],
    ['an array', ['a'], 'statusDetails must be an object of strings, not an array'],
    ['null', null, 'statusDetails must be an object'],
    [
      '11 pairs',
      Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, 'v'])),
      'statusDetails must have at most 10 pairs',
    ],
  ])('statusDetails: %s', (_case, details, message) => {
    expect(update({ statusDetails: details })).toEqual(refused(message));
  });

  test.each([[''], ['x'.repeat(65)], [5], [null], ['a\u0000b'], ['\ud800']])('clientToken %p', (bad) => {
    const answer = parseDeviceRequest(getRequestSchema, json({ clientToken: bad }));
    expect(answer).toEqual({
      ok: false,
      code: 'InvalidRequest',
      message: expect.stringContaining('clientToken must be') as string,
    });
  });
});
