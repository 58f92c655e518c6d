/** `muster up` as an operator runs it. Needs `temporal` on the PATH. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { findOnPath } from '../src/runtime/temporal-executable';
import type { Endpoints } from '../src/runtime/data-dir';
import { eventually } from './support/eventually';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const PORTS = ['--http-port', '0', '--mqtt-port', '0', '--temporal-port', '0', '--temporal-ui-port', '0'];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-up-'));
const endpointsFile = path.join(directory, 'endpoints.json');
const started: ChildProcess[] = [];
afterAll(() => {
  started.forEach((muster) => muster.kill('SIGTERM'));
  fs.rmSync(directory, { recursive: true, force: true });
});

function muster(...args: string[]) {
  return musterIn(process.env, ...args);
}

function musterIn(env: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (output.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output.stderr += text.toString()));
  return { child, output, ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

const up = () => muster('up', ...PORTS, '--data-dir', directory, '--log-level', 'warn');

async function untilReady({ child, output }: ReturnType<typeof muster>): Promise<Endpoints> {
  await eventually(() => {
    if (child.exitCode === null) expect(output.stdout).toContain('Muster is ready');
  });
  if (child.exitCode !== null) throw new Error(`not ready: ${output.stderr}`);
  return JSON.parse(fs.readFileSync(endpointsFile, 'utf8')) as Endpoints;
}

const withTemporal = findOnPath('temporal', process.env.PATH) ? test : test.skip;

withTemporal('it tells where it is, is ready, survives a kill and stops cleanly', async () => {
  const first = up();
  const { http, temporalUi } = await untilReady(first);
  const ready = await fetch(`${http}/readyz`);
  expect(await ready.json()).toEqual({
    ready: true,
    checks: { disk: 'ok', store: 'ok', temporal: 'ok', broker: 'ok', worker: 'ok' },
  });
  expect((await fetch(temporalUi ?? '')).status).toBe(200);
  expect(await (await fetch(`${http}/metrics`)).text()).toContain('temporal_');

  const [, key] = /MUSTER_API_KEY=(\S+)/.exec(first.output.stdout) ?? [];
  const authorization = `Basic ${Buffer.from(key ?? '').toString('base64')}`;
  expect((await fetch(`${http}/api/v1/jobs`, { headers: { authorization } })).status).toBe(200);

  const second = up();
  expect((await second.ended)[0]).toBe(2);
  expect(second.output.stderr).toContain('is used by another Muster');

  first.child.kill('SIGKILL');
  await first.ended;
  const third = up();
  const again = await untilReady(third);
  expect(third.output.stdout).not.toContain('MUSTER_API_KEY=');
  expect((await fetch(`${again.http}/api/v1/jobs`, { headers: { authorization } })).status).toBe(200);

  for (const level of ['debug', 'warn']) {
    third.child.kill('SIGUSR2');
    await eventually(() => expect(third.output.stderr).toContain(`The log level is ${level} now`));
  }

  third.child.kill('SIGTERM');
  expect((await third.ended)[0]).toBe(0);
  expect(fs.existsSync(endpointsFile)).toBe(false);
});

const elsewhere = () => ['--data-dir', fs.mkdtempSync(path.join(directory, 'other-'))];

async function expectRefusal({ output, ended }: ReturnType<typeof muster>, sentence: string): Promise<void> {
  expect((await ended)[0]).toBe(2);
  expect(output.stderr).toContain(sentence);
  expect(output.stderr).not.toContain('    at ');
}

withTemporal('open to a network without TLS, it says so once for each port, with the remedy', async () => {
  const here = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-up-'));
  const open = ['--http-host', '0.0.0.0', '--mqtt-host', '0.0.0.0'];
  const { child, output, ended } = muster('up', ...PORTS, ...open, '--data-dir', here, '--log-level', 'warn');
  try {
    await eventually(() => expect(output.stdout).toContain('Muster is ready'), 90_000);
    const warnings = output.stderr.split('\n').filter((line) => line.includes('without TLS'));
    expect(warnings).toEqual([
      expect.stringMatching(/"level":"warn".*HTTP listens on 0\.0\.0\.0 .*proxy that terminates TLS/),
      expect.stringMatching(/"level":"warn".*MQTT broker listens on 0\.0\.0\.0 .*proxy that terminates TLS/),
    ]);
  } finally {
    child.kill('SIGTERM');
    await ended;
    fs.rmSync(here, { recursive: true, force: true });
  }
});

test('a port that is taken is refused, by the name of its option', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as net.AddressInfo;
  const ports = PORTS.map((value, i) => (PORTS[i - 1] === '--http-port' ? String(port) : value));
  await expectRefusal(muster('up', ...ports, ...elsewhere()), `port ${port} (MUSTER_HTTP_PORT) is taken`);
  other.close();
});

test('an address that is none of this machine is refused', async () => {
  const args = ['up', ...PORTS, '--http-host', '192.0.2.1', ...elsewhere()];
  await expectRefusal(muster(...args), 'MUSTER_HTTP_HOST "192.0.2.1" is no address of this machine');
});

test('a data directory that cannot be written is refused', async () => {
  const file = path.join(directory, 'a-file');
  fs.writeFileSync(file, '');
  await expectRefusal(muster('up', ...PORTS, '--data-dir', path.join(file, 'x')), `can't be written`);
});

test('a Temporal that does not answer is refused', async () => {
  const args = ['serve', '--temporal-address', '127.0.0.1:1', '--http-port', '0', '--mqtt-port', '0'];
  await expectRefusal(muster(...args, ...elsewhere()), '127.0.0.1:1');
});

test('without any way to a Temporal it says what to do', async () => {
  const nothing = fs.mkdtempSync(path.join(directory, 'nothing-'));
  const nowhere = 'http://127.0.0.1:9';
  const env = {
    ...process.env,
    PATH: nothing,
    XDG_CACHE_HOME: nothing,
    HTTPS_PROXY: nowhere,
    https_proxy: nowhere,
  };
  await expectRefusal(musterIn(env, 'up', ...PORTS, ...elsewhere()), 'install the Temporal CLI');
});

test('a place where Temporal cannot be kept is named', async () => {
  const file = path.join(directory, 'no-directory');
  fs.writeFileSync(file, '');
  const env = { ...process.env, PATH: directory, XDG_CACHE_HOME: file };
  await expectRefusal(
    musterIn(env, 'up', ...PORTS, ...elsewhere()),
    `can't be kept in ${file}/muster (ENOTDIR)`,
  );
});

test.each([
  [['up', '--http-port', 'x'], '--http-port "x" must be a whole number'],
  [['serve'], 'muster serve needs TEMPORAL_ADDRESS'],
  [['serve', '--temporal-address', '127.0.0.1:1', '--roles', 'api'], 'and they all need one database'],
  [['up', '--roles', 'api'], "unknown option '--roles'"],
  [['up', '--colour'], "unknown option '--colour'"],
])('%j is refused with exit code 2 and a sentence', async (args, sentence) => {
  const { output, ended } = muster(...args);
  expect((await ended)[0]).toBe(2);
  expect(output.stderr).toContain(sentence);
  expect(output.stderr).not.toContain(' at ');
});
