/** Pure rules of the web console. */
import fc from 'fast-check';
import { bodyOf, client } from '../../src/console/api/client';
import { touchedBy } from '../../src/console/api/touched';
import { createIdempotencyKeys } from '../../src/console/lib/idempotency';
import { JsonText } from '../../src/domain/json-text';
import { findFault, parseDocument } from '../../src/console/lib/json-document';
import { permissionsInWords, PRESETS } from '../../src/console/lib/permissions';
import { ago, duration } from '../../src/console/lib/time';

describe('a document as it is typed', () => {
  const parses = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };

  it('has a fault where JSON.parse finds one, and only there', () => {
    const broken = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom('', ',', '"', '}', ']', ':', '0', 'x', ' ', '\n'),
      )
      .map(([text, at, length, put]) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + put + text.slice(from + length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), broken), (text) => {
        expect(findFault(text) === undefined).toBe(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{\n  "action": restart\n}', 'line 2, column 13: expected a value'],
    ['{"a": 1,}', 'line 1, column 9: expected a name in double quotes'],
    ['{"a" 1}', 'line 1, column 6: expected “:”'],
    ['{"a": [1 2]}', 'line 1, column 10: expected “,” or “]”'],
    ['{"a": 1', 'line 1, column 8: expected “,” or “}”'],
    ['{} {}', 'line 1, column 4: expected the end'],
    ['[]', 'must be a JSON object'],
    ['  ', 'Enter the document'],
    [JSON.stringify({ a: 'ä'.repeat(20_000) }), '40,008 bytes'],
    ['['.repeat(100_000), 'less nesting'],
    ['{"a": {"b": 1, "b": 1}}', '“a.b” is given twice'],
  ])('says what is wrong with %.20j', (text, words) => {
    expect(parseDocument(text)).toEqual({ error: expect.stringContaining(words) });
  });

  it('is taken as it is', () => {
    expect(parseDocument(' {"__proto__": 9007199254740993, "b": [1.0]}')).toEqual({
      value: JsonText.of('{"__proto__":9007199254740993,"b":[1.0]}'),
    });
  });
});

describe('times', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');

  it.each([
    [0, 'just now'],
    [-3_000, 'just now'],
    [59_000, '59 seconds ago'],
    [60_000, '1 minute ago'],
    [7_199_000, '1 hour ago'],
    [86_400_000, 'yesterday'],
    [40 * 86_400_000, 'last month'],
  ])('%p ms before now is %p', (before, words) => {
    expect(ago(new Date(now - before), now)).toBe(words);
  });

  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59_600, '1 min'],
    [7_512_000, '2 h 5 min'],
    [86_400_000, '1 d'],
  ])('%p ms take %p', (milliseconds, words) => {
    expect(duration(milliseconds)).toBe(words);
  });
});

it('asks with the same key for the same, with another for another', () => {
  const keys = createIdempotencyKeys();
  const first = keys.keyFor({ a: 1 });
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(keys.keyFor({ a: 1 })).toBe(first);
  expect(keys.keyFor({ a: 2 })).not.toBe(first);
});

it('names permissions as people chose them', () => {
  expect(permissionsInWords(PRESETS.OPERATOR.permissions)).toBe('Operator');
  expect(permissionsInWords([{ methods: ['GET', 'POST'], pathPrefix: '/api/v1/things' }])).toBe(
    'Things: GET, POST',
  );
  expect(permissionsInWords([{ methods: ['*'], pathPrefix: '/metrics' }])).toBe('/metrics: all');
});

it('knows what an event makes old', () => {
  expect(touchedBy('execution.changed', { jobId: 'j', thingName: 't' })).toEqual([
    ['jobs'],
    ['overview'],
    ['job', 'j'],
    ['execution', 'j', 't'],
    ['thing', 't', 'jobs'],
  ]);
  expect(touchedBy('thing.connected', { thingName: 't' })).toEqual([
    ['things'],
    ['overview'],
    ['thing', 't', 'itself'],
  ]);
});

it('asks for nothing under a name that a browser takes out of a path', async () => {
  const fetch = jest.spyOn(globalThis, 'fetch');
  for (const thingName of ['.', '..', '']) {
    const path = { jobId: '0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11', thingName };
    const call = client.POST('/api/v1/jobs/{jobId}/executions/{thingName}/cancel', { params: { path } });
    await expect(bodyOf(call)).rejects.toMatchObject({ code: 'InvalidRequest' });
  }
  expect(fetch).not.toHaveBeenCalled();
  fetch.mockRestore();
});
