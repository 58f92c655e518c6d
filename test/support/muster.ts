/** A whole Muster as its operators run it: `muster up` in a process of its own, free ports, a directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestTarget } from '../topology/main';
import { admit } from '../topology/mosquitto';
import { HAPPENS_WITHIN_MS } from './deadlines';

const MAIN = path.resolve(__dirname, '../../dist/src/cli/main.js');
const OUTPUT_KEPT = 20_000;

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON, '' where there is none. */
  body: any;
}

export interface MqttLogin {
  username: string;
  password: string;
}

export interface Muster {
  /** URL of the HTTP server, without a path. */
  http: string;
  /** URL of the MQTT broker. */
  mqtt: string;
  temporal: { address: string; namespace: string };
  /** The first administrator's. */
  key: string;
  secret: string;
  dataDir: string;
  /** Calls `/api/v1` + `apiPath` as the administrator. */
  api(method: string, apiPath: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Lets things in at a broker that does not ask Muster who they are. */
  admit(credentials: readonly MqttLogin[]): Promise<void>;
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
  /** Characters of its output that are kept, the last ones; default 20,000. */
  outputKept?: number;
}

/** @throws with the process's last words when it isn't ready in time */
export async function startMuster(options: MusterOptions = {}): Promise<Muster> {
  const { MUSTER_TEST_TARGET: target } = process.env;
  if (target !== undefined) return attach(JSON.parse(target) as TestTarget);
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
  const output = collect(child, options.outputKept ?? OUTPUT_KEPT);
  const { http, mqtt, temporal } = await ready(child, endpointsFile, output);

  return {
    http,
    mqtt,
    temporal: { address: temporal, namespace: 'default' },
    key,
    secret,
    dataDir,
    output,
    api: apiClient({ http, key, secret }),
    admit: () => Promise.resolve(),
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

/** A Muster that runs already, as somebody else's: it is left as it is. */
function attach({ http, mqtt, temporal, key, secret, broker }: TestTarget): Muster {
  const notHere = () => Promise.reject(new Error('This Muster is not the own one of the test.'));
  return {
    ...{ http, mqtt, temporal, key, secret, dataDir: '', output: () => '' },
    api: apiClient({ http, key, secret }),
    admit: (credentials) => admit({ ...broker, url: mqtt }, credentials),
    kill9: notHere,
    stop: () => Promise.resolve(),
  };
}

function apiClient({ http, key, secret }: Pick<Muster, 'http' | 'key' | 'secret'>): Muster['api'] {
  const authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`;
  return async (method, apiPath, body, headers = {}) => {
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
  };
}

interface Endpoints {
  http: string;
  mqtt: string;
  temporal: string;
}

async function ready(child: ChildProcess, file: string, output: () => string): Promise<Endpoints> {
  const deadline = Date.now() + HAPPENS_WITHIN_MS;
  while (child.exitCode === null && Date.now() < deadline) {
    if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8')) as Endpoints;
    await sleep(50);
  }
  await end(child, 'SIGKILL');
  throw new Error(`muster up was not ready:\n${output()}`);
}

function collect(child: ChildProcess, kept: number): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-kept)));
  }
  return () => text;
}

/** @throws where it had to be killed though it was asked otherwise */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), HAPPENS_WITHIN_MS);
  await exited;
  clearTimeout(late);
  if (child.signalCode === 'SIGKILL' && signal !== 'SIGKILL') throw new Error('muster up did not stop');
}
