/**
 * What waits for the disk under MUSTER_DURABILITY. Nobody can cut the power in a test, and a copy of the files is no
 * power cut: what counts is whether the operating system was told to write them, which strace sees.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findOnPath } from '../src/runtime/temporal-executable';
import type { Endpoints } from '../src/runtime/data-dir';
import { connectDevice, type Device } from './support/device';
import { eventually } from './support/eventually';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const SYNCED = /(?:fsync|fdatasync)\(\d+<([^>]+)>/g;
const KEY = { key: 'admin', secret: 'a-secret-for-tests' };
const testWithStrace = findOnPath('strace', process.env.PATH) ? test : test.skip;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-durability-'));
const dataDir = path.join(directory, 'data');
const trace = path.join(directory, 'trace');
let child: ChildProcess;
let device: Device | undefined;

afterAll(async () => {
  await device?.close();
  if (child?.exitCode === null) {
    // strace passes no signal on: the process that it runs is told itself.
    const { pid } = child;
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const one of children) process.kill(Number(one), 'SIGTERM');
    await once(child, 'exit');
  }
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Files under the data directory that were written to the disk since so many characters of the trace. */
function syncedSince(mark: number): Set<string> {
  const text = fs.readFileSync(trace, 'utf8').slice(mark);
  const files = [...text.matchAll(SYNCED)].map(([, file = '']) => path.relative(dataDir, file));
  return new Set(files.map((file) => file.replace(/\d+\.log$/, '*.log')));
}

testWithStrace(
  'power-cut: what was acknowledged has been written to the disk by store, Temporal and sessions (apt-get install strace)',
  async () => {
    child = spawn(
      'strace',
      [
        ...['-f', '-y', '-s', '0', '-e', 'trace=fsync,fdatasync', '-o', trace],
        ...[process.execPath, MAIN, 'up', '--data-dir', dataDir, '--durability', 'power-cut'],
        ...['--http-port', '0', '--mqtt-port', '0', '--temporal-port', '0', '--temporal-ui-port', '0'],
      ],
      { stdio: 'ignore', env: { ...process.env, MUSTER_API_KEY: `${KEY.key}:${KEY.secret}` } },
    );
    const endpoints = path.join(dataDir, 'endpoints.json');
    await eventually(() => expect(fs.existsSync(endpoints)).toBe(true), 90_000);
    const { http, mqtt = '' } = JSON.parse(fs.readFileSync(endpoints, 'utf8')) as Endpoints;
    const authorization = `Basic ${Buffer.from(`${KEY.key}:${KEY.secret}`).toString('base64')}`;
    const post = async (apiPath: string, body: object) => {
      const headers = { authorization, 'content-type': 'application/json' };
      const answer = await fetch(`${http}/api/v1${apiPath}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      expect(answer.status).toBe(201);
      return (await answer.json()) as any;
    };
    const traced = () => fs.statSync(trace).size;

    let before = traced();
    const { mqttCredentials } = await post('/things', { name: 'boiler' });
    expect(syncedSince(before)).toContain('muster.db-wal');

    before = traced();
    device = await connectDevice({ mqtt }, mqttCredentials);
    expect(syncedSince(before)).toContain('mqtt/*.log');

    before = traced();
    await post('/jobs', { targets: { thingNames: ['boiler'] }, document: {} });
    expect(syncedSince(before)).toContain('temporal.db-wal');
  },
);
