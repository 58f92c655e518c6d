/** A Muster to measure: `muster up` in a directory of its own, and what it has used. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from './load';

const MAIN = path.resolve('dist/src/cli/main.js');
const KEY = 'bench:a-secret-for-the-benchmark';
const READY_TIMEOUT_MS = 120_000;
const BULK = 10_000;

export interface Subject {
  http: string;
  /** Where its devices connect. */
  broker: { port: number; topicPrefix: string };
  temporalAddress: string;
  dataDir: string;
  /** Seconds from the start until it was ready. */
  startSeconds: number;
  pids(): { muster: number; temporal: number };
  /** @throws where the answer is none of 2xx */
  call<T>(method: string, apiPath: string, body?: unknown): Promise<T>;
  /** Registers things `{prefix}-0`, … and returns what their devices connect with. */
  register(prefix: string, count: number): Promise<Member[]>;
  /** Stops it; `keep` leaves the directory for the next start. */
  stop(options?: { keep?: true }): Promise<void>;
}

export async function startSubject(directory?: string): Promise<Subject> {
  const dataDir = directory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'muster-bench-'));
  const began = performance.now();
  const log = fs.openSync(path.join(dataDir, 'bench.log'), 'a');
  const child = spawn(process.execPath, [MAIN, 'up'], {
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      MUSTER_HTTP_PORT: '0',
      MUSTER_MQTT_PORT: '0',
      MUSTER_TEMPORAL_PORT: '0',
      MUSTER_TEMPORAL_UI_PORT: '0',
      MUSTER_DATA_DIR: dataDir,
      MUSTER_API_KEY: KEY,
      LOG_LEVEL: 'warn',
    },
  });
  const endpoints = await ready(child, dataDir);
  const startSeconds = (performance.now() - began) / 1000;

  async function call<T>(method: string, apiPath: string, body?: unknown): Promise<T> {
    const response = await fetch(`${endpoints.http}/api/v1${apiPath}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(KEY).toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${apiPath}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  return {
    http: endpoints.http,
    broker: { port: Number(new URL(endpoints.mqtt).port), topicPrefix: '$emqx/things' },
    temporalAddress: endpoints.temporal,
    dataDir,
    startSeconds,
    pids: () => ({ muster: child.pid ?? 0, temporal: temporalPid(dataDir) }),
    call,
    async register(prefix, count) {
      const members: Member[] = [];
      for (let from = 0; from < count; from += BULK) {
        const things = Array.from({ length: Math.min(BULK, count - from) }, (_, i) => ({
          name: `${prefix}-${from + i}`,
        }));
        const { created } = await call<{
          created: { name: string; mqttCredentials: Member['credentials'] }[];
        }>('POST', '/things/bulk', { things });
        members.push(
          ...created.map(({ name, mqttCredentials }) => ({ thingName: name, credentials: mqttCredentials })),
        );
      }
      return members;
    },
    async stop({ keep } = {}) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      if (!keep) fs.rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function temporalPid(dataDir: string): number {
  return (JSON.parse(fs.readFileSync(path.join(dataDir, 'temporal.pid.json'), 'utf8')) as { pid: number })
    .pid;
}

async function ready(child: ChildProcess, dataDir: string) {
  const file = path.join(dataDir, 'endpoints.json');
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (child.exitCode === null && Date.now() < deadline) {
    if (fs.existsSync(file))
      return JSON.parse(fs.readFileSync(file, 'utf8')) as { http: string; mqtt: string; temporal: string };
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(
    `muster up was not ready:\n${fs.readFileSync(path.join(dataDir, 'bench.log'), 'utf8').slice(-2_000)}`,
  );
}
