/** What `muster` makes of its arguments and files, before a server that notes what it is asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const JOB = '0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11';

let directory: string;
let server: Server;
/** Method, path and body of each request. */
let asked: string[];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-cli-'));
  asked = [];
  server = createServer((req, res) => {
    void text(req).then((body) => {
      asked.push([req.method, req.url, body].filter(Boolean).join(' '));
      res.end('{"jobId":"j","status":"CANCELED","items":[],"created":[],"refused":[],"nextCursor":null}');
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

/** @param input what it gets as standard input */
async function run(args: string[], { input = '', env = {} } = {}) {
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
