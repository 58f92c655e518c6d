/** A real mosquitto of the test's own: free ports, a directory of its own, sessions that survive a restart. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts, reachPort } from '../../src/runtime/ports';
import { eventually } from './eventually';

const LOG_KEPT = 20_000;

export const MOSQUITTO =
  process.env.PATH &&
  [...process.env.PATH.split(path.delimiter), '/usr/sbin']
    .map((directory) => path.join(directory, 'mosquitto'))
    .find((file) => fs.existsSync(file));

/** `describe` where mosquitto is installed; else the tests are skipped, and their name says what gets them. */
export const describeWithMosquitto: (name: string, tests: () => void) => void = MOSQUITTO
  ? describe
  : (name, tests) => describe.skip(`${name} (get mosquitto: apt-get install mosquitto)`, tests);

export interface Mosquitto {
  port: number;
  wsPort: number;
  /** Of the plain listener. */
  url: string;
  directory: string;
  log(): string;
  /** Ends it at once and keeps its port closed until `start`. What it had saved stays. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Stops it and removes its directory. */
  remove(): Promise<void>;
}

/**
 * @param settings lines of its configuration after the listeners, from the directory that the files go to
 * @param listener lines for the plain listener
 */
export async function startMosquitto(
  settings: (directory: string) => string[] = () => ['allow_anonymous true'],
  listener: (directory: string) => string[] = () => [],
): Promise<Mosquitto> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-mosquitto-'));
  const [port = 0, wsPort = 0] = await freePorts(2);
  const config = path.join(directory, 'mosquitto.conf');
  fs.writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      ...listener(directory),
      `listener ${wsPort} 127.0.0.1`,
      'protocol websockets',
      'persistence true',
      `persistence_location ${directory}/`,
      'autosave_interval 1',
      // It gives up root's rights for those of a user that could not read the directory.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...settings(directory),
    ].join('\n') + '\n',
  );
  let child: ChildProcess;
  let log = '';

  async function start(): Promise<void> {
    child = spawn(MOSQUITTO!, ['-c', config, '-v'], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-LOG_KEPT)));
    await eventually(() => reachPort(port, '127.0.0.1')).catch((error: Error) => {
      throw new Error(`mosquitto did not start: ${error.message}\n${log}`);
    });
  }
  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  await start();
  return {
    ...{ port, wsPort, url: `mqtt://127.0.0.1:${port}`, directory, start, stop },
    log: () => log,
    signal: (signal) => void child.kill(signal),
    async remove() {
      await stop('SIGKILL');
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Adds users to a password file, as an operator does. A broker that reads it finds the old one or the whole new one. */
export function writePasswords(file: string, passwords: Record<string, string>): void {
  const draft = `${file}.new`;
  if (fs.existsSync(file)) fs.copyFileSync(file, draft);
  else fs.writeFileSync(draft, '', { mode: 0o600 });
  for (const [user, password] of Object.entries(passwords)) {
    const { status, stderr } = spawnSync('mosquitto_passwd', ['-b', draft, user, password], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`mosquitto_passwd: ${stderr}`);
  }
  fs.renameSync(draft, file);
}
