/** A whole Muster as its operators run it: `muster up` in a process of its own, free ports, a directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = path.resolve(__dirname, '../../dist/src/cli/main.js');
const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;
const LOG_KEPT = 20_000;

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON, '' where there is none. */
  body: any;
}

export interface Muster {
  /** URL of the HTTP server, without a path. */
  http: string;
  /** URL of the MQTT broker. */
  mqtt: string;
  /** The first administrator's. */
  key: string;
  secret: string;
  dataDir: string;
  /** Calls `/api/v1` + `apiPath` as the administrator. */
  api(method: string, apiPath: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Everything written so far to standard output and error, the last of it. */
  output(): string;
  /** Kills the process at once. Its data stays: start again with the same `dataDir`. */
  kill9(): Promise<void>;
  /** Stops it as an operator does, removes a directory that was made for it, and fails where that doesn't work. */
  stop(): Promise<void>;
}

export interface MusterOptions {
  /** An own one under the temporary directory when left out, removed by `stop`. */
  dataDir?: string;
  /** In addition to the test's own environment. */
  env?: NodeJS.ProcessEnv;
}

/** @throws with the process's last words when it isn't ready in time */
export async function startMuster(options: MusterOptions = {}): Promise<Muster> {
  const dataDir = options.dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'muster-test-'));
  const key = 'admin';
  const secret = 'a-secret-for-tests';
  const endpointsFile = path.join(dataDir, 'endpoints.json');
  // One that was killed has left its own behind.
  fs.rmSync(endpointsFile, { force: true });
  const child = spawn(process.execPath, [MAIN, 'up'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      MUSTER_HTTP_PORT: '0',
      MUSTER_MQTT_PORT: '0',
      MUSTER_TEMPORAL_PORT: '0',
      MUSTER_TEMPORAL_UI_PORT: '0',
      MUSTER_DATA_DIR: dataDir,
      MUSTER_API_KEY: `${key}:${secret}`,
      ...options.env,
    },
  });
  const output = collect(child);
  const { http, mqtt } = await ready(child, endpointsFile, output);
  const authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`;

  return {
    http,
    mqtt,
    key,
    secret,
    dataDir,
    output,
    async api(method, apiPath, body, headers = {}) {
      const response = await fetch(`${http}/api/v1${apiPath}`, {
        method,
        headers: {
          authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: (text && JSON.parse(text)) as unknown,
      };
    },
    kill9: () => end(child, 'SIGKILL'),
    async stop() {
      await end(child, 'SIGTERM');
      if (options.dataDir === undefined) fs.rmSync(dataDir, { recursive: true, force: true });
      if (child.exitCode !== 0 && child.signalCode !== 'SIGKILL') {
        throw new Error(`muster up ended with ${child.exitCode ?? child.signalCode}:\n${output()}`);
      }
    },
  };
}

interface Endpoints {
  http: string;
  mqtt: string;
}

async function ready(child: ChildProcess, file: string, output: () => string): Promise<Endpoints> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (child.exitCode === null && Date.now() < deadline) {
    if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8')) as Endpoints;
    await sleep(50);
  }
  await end(child, 'SIGKILL');
  throw new Error(`muster up was not ready:\n${output()}`);
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-LOG_KEPT)));
  }
  return () => text;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(late);
}
