/** What `muster` makes of its arguments and files, before a server that notes what it is asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { noExecutions } from '../src/domain/statuses';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const JOB = '0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11';

/** A job, a target and lists in one: the answer to whatever is asked. */
const JOB_BODY = {
  ...{ jobId: JOB, name: 'x', jobType: 'SNAPSHOT', status: 'CANCELED', forceCanceled: false, document: {} },
  targets: { thingNames: [], thingGroupNames: ['many'], thingCount: 5_000 },
  ...{ timeoutConfig: {}, createdAt: '2026-11-23T14:51:07.116Z', executionCounts: noExecutions() },
  targetCounts: { total: 5_000, launched: 75, notLaunched: 4_925 },
};
const ITEM = { ...JOB_BODY, thingName: 'boiler-7', state: 'NOT_LAUNCHED' };
const ANSWER = { ...JOB_BODY, items: [ITEM], refused: [], nextCursor: null };

let directory: string;
let server: Server;
/** Method, path and body of each request. */
let asked: string[];
/** Things that it says it has registered. */
let created: object[];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-cli-'));
  asked = [];
  created = [];
  server = createServer((req, res) => {
    void text(req).then((body) => {
      asked.push([req.method, req.url, body].filter(Boolean).join(' '));
      res.end(JSON.stringify({ ...ANSWER, created }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  rmSync(directory, { recursive: true });
});

it.each([
  `jobs cancel-execution ${JOB} ..`,
  `jobs cancel-execution ${JOB} .`,
  `jobs cancel-execution ${JOB} `,
  'jobs cancel-execution .. a',
  'jobs cancel ..',
  'jobs delete .. --force',
  'jobs show ..',
  'jobs watch ..',
  'jobs executions ..',
  'jobs targets ..',
  `jobs execution ${JOB} ..`,
  'things show ..',
  'things delete ..',
  'things credentials ..',
  'groups show ..',
  'groups members ..',
  'groups add .. a',
  'groups delete ..',
  'types delete ..',
  'keys revoke ..',
])('builds no path of what is no name: %s', async (command) => {
  const { code, errors } = await run(command.split(' '));
  expect(errors).toMatch(/^muster: "\.{0,2}" is no name; /);
  expect(code).toBe(2);
  expect(asked).toEqual([]);
});

it('asks for what looks like a path by its own name', async () => {
  await run(['jobs', 'cancel-execution', JOB, '../..']);
  expect(asked).toEqual([`POST /api/v1/jobs/${JOB}/executions/..%2F../cancel {}`]);
});

describe('a job that has not reached all of its targets', () => {
  it.each(['list', `show ${JOB}`])('says so: jobs %s', async (command) => {
    const { output } = await run(['jobs', ...command.split(' ')]);
    expect(output).toContain('CANCELED, 4,925 never launched');
  });

  it('says so where it is watched', async () => {
    const { code, output, errors } = await run(['jobs', 'watch', JOB]);
    expect(output).toContain('4,925 never launched');
    expect(errors).toBe(`muster: Job ${JOB} is CANCELED, 4,925 never launched.\n`);
    expect(code).toBe(1);
  });

  it('gives its id alone as the output of its creation, and says beside it how far it is', async () => {
    const { output, errors } = await run(['jobs', 'create', '--thing', 'a', '--document', '-'], {
      input: Buffer.from('{}'),
    });
    expect(output).toBe(`${JOB}\n`);
    expect(errors).toContain('CANCELED, 4,925 never launched');
  });

  it('lists its targets by state', async () => {
    const { output } = await run(['jobs', 'targets', JOB, '--state', 'NOT_LAUNCHED', '--limit', '10']);
    expect(asked).toEqual([`GET /api/v1/jobs/${JOB}/targets?state=NOT_LAUNCHED&limit=10`]);
    expect(output).toMatch(/THING +STATE\nboiler-7 +NOT_LAUNCHED/);
  });
});

it('prints credentials that it was to keep where they cannot be written', async () => {
  const names = path.join(directory, 'names.txt');
  writeFileSync(names, 'a\n');
  created = [{ name: 'a', mqttCredentials: { clientId: 'a', username: 'a', password: 'shown-once' } }];
  const { code, output, errors } = await run([
    'things',
    'register-many',
    names,
    '--credentials',
    `${names}/x`,
  ]);
  expect(output).toContain('shown-once');
  expect(errors).toContain("names.txt/x can't be written (EEXIST)");
  expect(code).toBe(1);
});

describe('a file', () => {
  const job = { targets: { thingNames: ['a'] }, document: { text: 'Grüße' } };
  const bytes = Buffer.from(JSON.stringify(job));
  const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
  const latin1 = Buffer.from(JSON.stringify(job), 'latin1');
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(JSON.stringify(job), 'utf16le')]);

  function file(name: string, content: Buffer | string): string {
    const place = path.join(directory, name);
    writeFileSync(place, content);
    return place;
  }

  it.each([bytes, Buffer.concat([BOM, bytes])])(
    'may begin with a byte order mark or not',
    async (content) => {
      expect(await run(['jobs', 'create', file('job.json', content)])).toMatchObject({ code: 0 });
      expect(await run(['jobs', 'create', '-'], { input: content })).toMatchObject({ code: 0 });
      const document = file('document.json', Buffer.concat([BOM, Buffer.from('{"text":"Grüße"}')]));
      const given = await run(['jobs', 'create', '--thing', 'a', '--document', document]);
      expect(given).toMatchObject({ code: 0 });
      const bodies = asked.map((one) => JSON.parse(one.slice(one.indexOf('{'))) as object);
      expect(bodies).toMatchObject([job, job, job]);

      const names = file('things.txt', Buffer.concat([BOM, Buffer.from('a\r\nb\r\n')]));
      await run(['things', 'register-many', names]);
      expect(asked.at(-1)).toBe('POST /api/v1/things/bulk {"things":[{"name":"a"},{"name":"b"}]}');
    },
  );

  it.each([latin1, utf16])('that is not UTF-8 is refused', async (content) => {
    const place = file('job.json', content);
    const calls = [
      await run(['jobs', 'create', place]),
      await run(['jobs', 'create', '--thing', 'a', '--document', place]),
      await run(['things', 'register-many', place]),
      await run(['jobs', 'create', '-'], { input: content }),
    ];
    for (const { code, errors } of calls) {
      expect(errors).toMatch(/^muster: .+ is not UTF-8; save it in that encoding\.\n$/);
      expect(code).toBe(2);
    }
    expect(asked).toEqual([]);
  });
});

/** @param input what it gets as standard input */
async function run(
  args: string[],
  { input = Buffer.of(), env = {} }: { input?: Buffer; env?: NodeJS.ProcessEnv } = {},
) {
  const { port } = server.address() as AddressInfo;
  const where = ['--url', `http://127.0.0.1:${port}`, '--api-key', 'admin:secret'];
  const child = spawn(process.execPath, [MAIN, ...args, ...where], { env: { ...process.env, ...env } });
  child.stdin.end(input);
  const [errors, output, [code]] = await Promise.all([
    text(child.stderr),
    text(child.stdout),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, output, errors };
}
