/**
 * `muster up` on a file system of its own that is full, or read-only: at a start, at a restart, while it runs and its
 * Temporal ends. It waits, says so, and goes on by itself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectDevice, type Credentials } from './support/device';
import { eventually } from './support/eventually';
import { makeSmallDisk, testOnSmallDisk, type SmallDisk } from './support/on-small-disk';
import { stablePorts } from './topology/ports';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const MEBIBYTES = 256;
const LONG = 300_000;
const KEY = 'admin:a-secret-for-tests';

let disk: SmallDisk;
let logs: string;
let ports: number[];
let child: ChildProcess;

async function prepare(): Promise<void> {
  disk = makeSmallDisk(MEBIBYTES);
  logs = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-full-disk-'));
  ports = await stablePorts(4);
}

afterEach(async () => {
  if (!child) return;
  disk.makeRoom();
  disk.setReadOnly(false);
  if (isRunning()) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  disk.remove();
  fs.rmSync(logs, { recursive: true });
});

/** @param log where it writes to; emptied */
function start(log = path.join(logs, 'log'), env: NodeJS.ProcessEnv = {}): void {
  const [http, mqtt, temporal, ui] = ports.map(String);
  const file = fs.openSync(log, 'w');
  child = spawn(process.execPath, [MAIN, 'up'], {
    stdio: ['ignore', file, file],
    env: {
      ...process.env,
      MUSTER_HTTP_PORT: http,
      MUSTER_MQTT_PORT: mqtt,
      MUSTER_TEMPORAL_PORT: temporal,
      MUSTER_TEMPORAL_UI_PORT: ui,
      MUSTER_DATA_DIR: path.join(disk.path, 'data'),
      MUSTER_API_KEY: KEY,
      LOG_LEVEL: 'debug',
      ...env,
    },
  });
  fs.closeSync(file);
}

const isRunning = () => child.exitCode === null && child.signalCode === null;
const http = () => `http://127.0.0.1:${ports[0]}`;
const broker = () => ({ mqtt: `mqtt://127.0.0.1:${ports[1]}` });
const temporalPid = () =>
  (JSON.parse(fs.readFileSync(path.join(disk.path, 'data/temporal.pid.json'), 'utf8')) as { pid: number })
    .pid;

async function api(method: string, apiPath: string, body?: object) {
  const response = await fetch(`${http()}/api/v1${apiPath}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(KEY).toString('base64')}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as any };
}

async function readiness(): Promise<{ status: number; checks: Record<string, string> }> {
  expect(isRunning()).toBe(true);
  const response = await fetch(`${http()}/readyz`);
  return { status: response.status, ...((await response.json()) as { checks: Record<string, string> }) };
}

const untilReady = () =>
  eventually(async () => expect(await readiness()).toMatchObject({ status: 200, checks: { disk: 'ok' } }));

const untilWaiting = (fault: string) =>
  eventually(async () => expect(await readiness()).toMatchObject({ status: 503, checks: { disk: fault } }));

/** What it has said about the disk, also in other words. */
function linesAboutDisk(): string[] {
  return linesWith(/full|read-only|ENOSPC|EROFS|no space|could not be recorded/i).filter((line) =>
    /"level":"(warn|error|fatal)"/.test(line),
  );
}

function linesWith(text: string | RegExp): string[] {
  const lines = fs.readFileSync(path.join(logs, 'log'), 'utf8').split('\n');
  return lines.filter((line) => (typeof text === 'string' ? line.includes(text) : text.test(line)));
}

async function killAll(): Promise<void> {
  const temporal = temporalPid();
  child.kill('SIGKILL');
  process.kill(temporal, 'SIGKILL');
  await once(child, 'exit');
}

testOnSmallDisk(
  'a start waits until the disk has room, or can be written, and answers meanwhile',
  async () => {
    await prepare();
    disk.fill();
    start();
    await untilWaiting('full');
    expect((await fetch(`${http()}/healthz`)).status).toBe(200);
    expect(await api('GET', '/jobs')).toMatchObject({ status: 503, body: { code: 'ServiceUnavailable' } });
    expect(linesAboutDisk()).toEqual([expect.stringContaining('make room on it')]);
    disk.makeRoom();
    await untilReady();
    expect((await api('POST', '/things', { name: 'thing' })).status).toBe(201);

    await killAll();
    disk.fill();
    start();
    await untilWaiting('full');
    disk.makeRoom();
    await untilReady();

    child.kill('SIGTERM');
    await once(child, 'exit');
    disk.setReadOnly(true);
    start();
    await untilWaiting('read-only');
    expect(linesAboutDisk()).toEqual([expect.stringContaining('make it writable')]);
    disk.setReadOnly(false);
    await untilReady();
    expect((await api('GET', '/things/thing')).status).toBe(200);
  },
  LONG,
);

testOnSmallDisk(
  'a disk that fills up is told once, and waited out, also when Temporal is to be started again then',
  async () => {
    await prepare();
    start();
    await untilReady();
    const { mqttCredentials } = (await api('POST', '/things', { name: 'thing' })).body as {
      mqttCredentials: Credentials;
    };
    const device = await connectDevice(broker(), mqttCredentials);
    const job = { targets: { thingNames: ['thing'] }, document: { n: 1 } };
    expect((await api('POST', '/jobs', job)).status).toBe(201);
    await device.next('notify');

    disk.fill();
    await untilWaiting('full');
    const refused = await api('POST', '/things', { name: 'other' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'ServiceUnavailable' } });
    expect(refused.body.detail).toContain('make room');
    const before = temporalPid();
    process.kill(before, 'SIGKILL');
    await eventually(async () => expect((await readiness()).checks.temporal).toBe('failed'));
    for (let n = 0; n < 20; n++) await api('POST', '/things', { name: `other-${n}` });
    // It is tried every 2 s to note that the device is gone.
    await device.close();
    await eventually(() => expect(linesWith('could not be recorded').length).toBeGreaterThan(2));
    expect(temporalPid()).toBe(before);

    disk.makeRoom();
    await untilReady();
    expect(linesAboutDisk()).toEqual([expect.stringContaining('make room on it')]);
    expect((await api('POST', '/things', { name: 'other' })).status).toBe(201);
    await eventually(async () => expect((await api('POST', '/jobs', job)).status).toBe(201));
    const again = await connectDevice(broker(), mqttCredentials, { prefixes: [] });
    expect(again.sessionPresent).toBe(true);
    await again.next('notify', ({ jobs }) => jobs?.QUEUED?.length === 2);
    await again.close();
  },
  LONG,
);

testOnSmallDisk(
  'a log on the full disk does not end it',
  async () => {
    await prepare();
    start(path.join(disk.path, 'log'));
    await untilReady();
    disk.fill();
    for (let n = 0; n < 20; n++) expect((await api('POST', '/things', { name: 'thing' })).status).toBe(503);
    await untilWaiting('full');
    disk.makeRoom();
    await untilReady();
    expect((await api('POST', '/things', { name: 'thing' })).status).toBe(201);
  },
  LONG,
);

testOnSmallDisk(
  'a full disk for temporary files is none that it needs',
  async () => {
    await prepare();
    const temporary = makeSmallDisk(1);
    try {
      temporary.fill();
      start(undefined, { TMPDIR: temporary.path, SQLITE_TMPDIR: undefined });
      await untilReady();
      const things = Array.from({ length: 5_000 }, (_, n) => ({
        name: `thing-${n}`,
        attributes: { n: String(n) },
      }));
      const { status, body } = await api('POST', '/things/bulk', { things });
      expect([status, body.created?.length]).toEqual([200, things.length]);
    } finally {
      temporary.remove();
    }
  },
  LONG,
);
