/** A job's document reaches its devices with the values that were given, whichever way it goes in and comes out. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { JsonText, memberText } from '../src/domain/json-text';
import { connectDevice, createThing, type Credentials, type Device } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

/** As written, and as it comes out where that is not the same. */
const VALUES: [given: string, kept?: string][] = [
  ['9007199254740993'],
  ['-9007199254740993'],
  ['123456789012345678901234567890.123'],
  ['1e400'],
  ['-1E+400'],
  ['0.1e-400'],
  ['-0'],
  ['1.0'],
  ['0.10'],
  ['1e2'],
  ['{"10": 1, "9": 2, "b": 3}', '{"10":1,"9":2,"b":3}'],
  ['{"__proto__": {"constructor": 1.0}}', '{"__proto__":{"constructor":1.0}}'],
  ['[ 1.0 , [ ] , { } ,\t"a b" ]', '[1.0,[],{},"a b"]'],
  ['"\\u00e4\\/\\ud800 \\\\\\" }"', '"ä/\\ud800 \\\\\\" }"'],
  ['"$& $1 \u2028 \u{1f600} 1.0"'],
  ['"\\u0000"'],
];
const named = (pick: (value: [string, string?]) => string) =>
  VALUES.map((value, i) => `"v${i}":${pick(value)}`).join(',');
const GIVEN = `{ ${named(([given]) => given)} }`;
const KEPT = `{${named(([given, kept]) => kept ?? given)}}`;

let muster: Muster;
let directory: string;
let things = 0;

beforeAll(async () => {
  muster = await startMuster();
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-documents-'));
});
afterAll(async () => {
  await muster?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** A call whose body and answer stay text. */
async function call(
  method: string,
  apiPath: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const authorization = `Basic ${Buffer.from(`${muster.key}:${muster.secret}`).toString('base64')}`;
  const response = await fetch(`${muster.http}/api/v1${apiPath}`, {
    method,
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

async function cli(args: string[], input = ''): Promise<string> {
  const env = { ...process.env, MUSTER_API_KEY: `${muster.key}:${muster.secret}` };
  const running = promisify(execFile)(process.execPath, [MAIN, ...args, '--url', muster.http], { env });
  running.child.stdin!.end(input);
  return (await running).stdout;
}

const newThing = () => createThing(muster, `thing-${++things}`);
const jobFor = (thing: Credentials, document: string) =>
  `{"targets":{"thingNames":["${thing.username}"]},"document":${document}}`;

async function createJob(body: string, headers?: Record<string, string>): Promise<string> {
  const { status, text } = await call('POST', '/jobs', body, headers);
  if (status !== 201) throw new Error(`POST /jobs: ${status} ${text}`);
  return (JSON.parse(text) as { jobId: string }).jobId;
}

/** Payloads as they come, by the end of their topic. */
function payloads({ client }: Device): Map<string, string> {
  const received = new Map<string, string>();
  client.on('message', (topic, payload) =>
    received.set(topic.replace(/^.*\/jobs\//, ''), payload.toString()),
  );
  return received;
}

const executionDocument = (payload: string | undefined) =>
  memberText(memberText(payload ?? '', 'execution') ?? '', 'jobDocument');

describe('a document that came in', () => {
  const file = (name: string, text: string) => {
    const where = path.join(directory, name);
    fs.writeFileSync(where, text);
    return where;
  };
  const DOORS: Record<string, (thing: Credentials) => Promise<string>> = {
    'by REST': (thing) => createJob(jobFor(thing, GIVEN)),
    'by a file of the command line': (thing) =>
      cli(['jobs', 'create', file('job.json', jobFor(thing, GIVEN))]),
    'by --document': (thing) =>
      cli(['jobs', 'create', '--thing', thing.username, '--document', file('document.json', GIVEN)]),
    'by standard input': (thing) =>
      cli(['jobs', 'create', '--thing', thing.username, '--document', '-'], GIVEN),
  };

  it.each(Object.entries(DOORS))('%s, reaches a device over MQTT unchanged', async (_, create) => {
    const thing = await newThing();
    const device = await connectDevice(muster, thing);
    const received = payloads(device);
    const jobId = (await create(thing)).trim();
    await device.next('notify-next');
    expect(executionDocument(received.get('notify-next'))).toBe(KEPT);
    for (const suffix of ['$next/get', `${jobId}/get`, 'start-next', 'start-next']) {
      await device.request(suffix);
      expect(executionDocument(received.get(`${suffix}/accepted`))).toBe(KEPT);
    }
    const report = { status: 'IN_PROGRESS', includeJobDocument: true, clientToken: 'again' };
    for (let i = 0; i < 2; i++) {
      await device.request(`${jobId}/update`, report);
      expect(memberText(received.get(`${jobId}/update/accepted`)!, 'jobDocument')).toBe(KEPT);
    }
    await device.close();
  });

  it('reaches a device over HTTPS unchanged', async () => {
    const thing = await newThing();
    const jobId = await createJob(jobFor(thing, GIVEN));
    const ask = async (suffix: string, fields = '') => {
      const body = `{"thingName":"${thing.username}"${fields}}`;
      const { status, text } = await call('POST', `/thing-datas/jobs/${suffix}`, body);
      if (status !== 200) throw new Error(`${suffix}: ${status} ${text}`);
      return text;
    };
    await eventually(async () => expect(await ask('get')).toContain(jobId));
    for (const suffix of ['start-next', 'start-next', '$next/get', `${jobId}/get`])
      expect(executionDocument(await ask(suffix))).toBe(KEPT);
    const report = ',"status":"IN_PROGRESS","includeJobDocument":true,"clientToken":"again"';
    expect(memberText(await ask(`${jobId}/update`, report), 'jobDocument')).toBe(KEPT);
    expect(memberText(await ask(`${jobId}/update`, report), 'jobDocument')).toBe(KEPT);
    expect(await ask(`${jobId}/get`, ',"includeJobDocument":false')).not.toContain('jobDocument');
  });

  it('is shown unchanged by REST and the command line', async () => {
    const thing = await newThing();
    const jobId = await createJob(jobFor(thing, GIVEN));
    expect(memberText((await call('GET', `/jobs/${jobId}`)).text, 'document')).toBe(KEPT);
    expect(await cli(['jobs', 'show', jobId])).toContain(KEPT);
    const printed = memberText(await cli(['jobs', 'show', jobId, '--json']), 'document');
    expect(JsonText.of(printed!).text).toBe(KEPT);
    const canceled = await call('POST', `/jobs/${jobId}/cancel`, '{}');
    expect(memberText(canceled.text, 'document')).toBe(KEPT);
  });

  it('makes the same job again by value, and another one by another value', async () => {
    const thing = await newThing();
    const headers = { 'idempotency-key': 'by-value' };
    const first = await createJob(
      jobFor(thing, '{"a": 9007199254740993, "b": "\\u00e4", "c": 1.50}'),
      headers,
    );
    const same = jobFor(thing, '{"c":0.15e+1,"b":"ä","a":90071992547409930e-1}');
    expect(await createJob(same, headers)).toBe(first);
    const other = jobFor(thing, '{"a":9007199254740992,"b":"ä","c":1.5}');
    expect(await call('POST', '/jobs', other, headers)).toMatchObject({
      status: 422,
      text: expect.stringContaining('IdempotencyKeyReused'),
    });
  });
});

describe('a document that is refused', () => {
  const deep = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
  it.each([
    ['has a name twice', '{"a":{"b":1,"c":2,"b":1}}', 'document.a.b', 'is given twice'],
    ['has it twice in two writings', '{"a":[{},{"b":1,"\\u0062":2}]}', 'document.a.1.b', 'is given twice'],
    ['is the last of two', '{"a":1} , "document":{"a":1,"a":2}', 'document.a', 'is given twice'],
    ['is an array', '[1]', 'document', 'must be a JSON object'],
    ['is a string', '"{}"', 'document', 'must be a JSON object'],
    ['is null', 'null', 'document', 'must be a JSON object'],
    ['has 101 levels', deep(101), 'document', 'must not nest deeper than 100 levels'],
    ['has 5,000 levels', deep(5_000), 'document', 'must not nest deeper than 100 levels'],
    ['is too large', `{"a":"${'ä'.repeat(16_384)}"}`, 'document', 'must be at most 32,768 bytes of JSON'],
  ])('%s', async (_what, document, where, message) => {
    const { status, text } = await call('POST', '/jobs', jobFor(await newThing(), document));
    expect([status, JSON.parse(text)]).toEqual([
      400,
      expect.objectContaining({ errors: [{ path: where, message }] }),
    ]);
  });

  it('is not UTF-8', async () => {
    const latin1 = Uint8Array.from(Buffer.from(jobFor(await newThing(), '{"a":"\xe4"}'), 'latin1'));
    const { status, text } = await call('POST', '/jobs', latin1);
    expect([status, JSON.parse(text)]).toEqual([
      400,
      expect.objectContaining({ code: 'InvalidJson', detail: expect.stringContaining('UTF-8') as string }),
    ]);
  });

  it('is not one that is as large or as deep as it may be', async () => {
    const thing = await newThing();
    await createJob(jobFor(thing, deep(100)));
    await createJob(jobFor(thing, `{ "a" : "${'\\ud83d\\ude00'.repeat(8_190)}" }`));
  });
});
