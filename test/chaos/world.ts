/** What the faults happen to: Muster embedded, or the topology. */
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { admit } from '../topology/mosquitto';
import { Part } from '../topology/part';
import { stablePorts } from '../topology/ports';
import { API_KEY, startTopology } from '../topology/topology';
import type { FaultKind, Target } from './faults';

export interface Credentials {
  clientId: string;
  username: string;
  password: string;
}

export interface World {
  apis: string[];
  mqtt: string;
  topicPrefix: string;
  /** Of the environment of `muster doctor`. */
  env: NodeJS.ProcessEnv;
  targets: Target[];
  /** Makes things known to the broker where it does not ask Muster. */
  admit(credentials: readonly Credentials[]): void;
  strike(target: string, kind: FaultKind): Promise<void>;
  heal(target: string, kind: FaultKind): Promise<void>;
  /** Names and last words of processes of Muster that have ended by themselves, and were started again. */
  ownEnds(): string[];
  stop(): Promise<void>;
}

export { API_KEY };

/** Room for both databases, and for what fills it. */
const DISK_MIB = 2_048;
const MAIN = path.resolve('dist/src/cli/main.js');

export async function startTopologyWorld(directory: string): Promise<World> {
  const topology = await startTopology({ directory, onProgress: (line) => console.log(line) });
  const parts = new Map(topology.parts.map((part) => [part.name, part]));
  const links = new Map(topology.links.map((link) => [link.name, link]));
  const striker = createStriker(parts);
  return {
    apis: topology.apis,
    mqtt: topology.mqtt,
    topicPrefix: topology.topicPrefixes[0]!,
    env: topology.env,
    targets: [
      ...topology.parts.flatMap(({ name }) => [
        { name, kind: 'kill' as const, weight: 3 },
        { name, kind: 'freeze' as const, weight: 1 },
      ]),
      ...topology.links.map(({ name }) => ({ name, kind: 'cut' as const, weight: 3 })),
    ],
    admit: (credentials) =>
      admit({ passwordFile: topology.broker.passwordFile, pid: topology.broker.part.pid }, credentials),
    async strike(target, kind) {
      if (kind === 'cut') links.get(target)?.cut();
      else await striker.strike(target, kind);
    },
    async heal(target, kind) {
      if (kind === 'cut') links.get(target)?.mend();
      else await striker.heal(target, kind);
    },
    ownEnds: () => topology.parts.flatMap(({ faults }) => faults),
    stop: () => topology.stop(),
  };
}

/** `muster up` with a data directory on a file system of its own, where root is at hand to make one. */
export async function startEmbeddedWorld(directory: string): Promise<World> {
  const [http = 0, mqtt = 0, temporal = 0, ui = 0] = await stablePorts(4);
  const dataDir = path.join(directory, 'data');
  const disk = mountDisk(dataDir);
  const env = {
    MUSTER_HTTP_PORT: String(http),
    MUSTER_MQTT_PORT: String(mqtt),
    MUSTER_TEMPORAL_PORT: String(temporal),
    MUSTER_TEMPORAL_UI_PORT: String(ui),
    MUSTER_DATA_DIR: dataDir,
    MUSTER_API_KEY: `${API_KEY.key}:${API_KEY.secret}`,
  };
  const muster = new Part({
    name: 'muster',
    command: process.execPath,
    args: [MAIN, 'up'],
    env,
    logFile: path.join(directory, 'muster.log'),
    supervised: true,
    ready: async () => {
      const { status } = await fetch(`http://127.0.0.1:${http}/readyz`);
      if (status !== 200) throw new Error(`/readyz answers ${status}`);
    },
  });
  await muster.start();
  const striker = createStriker(new Map([['muster', muster]]));
  const temporalPid = () =>
    (JSON.parse(fs.readFileSync(path.join(dataDir, 'temporal.pid.json'), 'utf8')) as { pid: number }).pid;
  const filler = path.join(dataDir, 'filler');
  return {
    apis: [`http://127.0.0.1:${http}`],
    mqtt: `mqtt://127.0.0.1:${mqtt}`,
    topicPrefix: '$emqx/things',
    env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${temporal}` },
    targets: [
      { name: 'muster', kind: 'kill', weight: 3 },
      { name: 'muster', kind: 'freeze', weight: 1 },
      { name: 'temporal', kind: 'kill', weight: 3 },
      { name: 'temporal', kind: 'freeze', weight: 1 },
      ...(disk ? [{ name: 'disk', kind: 'fill' as const, weight: 1 }] : []),
    ],
    admit: () => {},
    async strike(target, kind) {
      if (target === 'disk') fill(filler);
      else if (target === 'muster') await striker.strike(target, kind);
      else signal(temporalPid(), kind === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    },
    async heal(target, kind) {
      if (target === 'disk') fs.rmSync(filler, { force: true });
      else if (target === 'muster') await striker.heal(target, kind);
      // Muster itself starts a Temporal that has ended.
      else if (kind === 'freeze') signal(temporalPid(), 'SIGCONT');
    },
    ownEnds: () => muster.faults,
    async stop() {
      await muster.stop();
      if (disk) execFileSync('umount', [dataDir]);
    },
  };
}

/** Strikes at one part may overlap: it is well again when the last of them is over. */
function createStriker(parts: Map<string, Part>) {
  const struck = new Map<string, number>();
  const count = (key: string, by: number) => {
    const n = (struck.get(key) ?? 0) + by;
    struck.set(key, n);
    return n;
  };
  return {
    async strike(target: string, kind: FaultKind): Promise<void> {
      const part = parts.get(target)!;
      count(`${target} ${kind}`, 1);
      if (kind === 'freeze') part.freeze();
      else await part.kill();
    },
    async heal(target: string, kind: FaultKind): Promise<void> {
      const part = parts.get(target)!;
      if (count(`${target} ${kind}`, -1) > 0) return;
      if (kind === 'freeze') part.thaw();
      else if (!part.running) await part.start();
    },
  };
}

function mountDisk(directory: string): boolean {
  fs.mkdirSync(directory, { recursive: true });
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'tmpfs', directory]);
    return true;
  } catch {
    return false;
  }
}

/** Takes all the room that is left. */
function fill(file: string): void {
  const block = Buffer.alloc(1024 * 1024);
  const fd = fs.openSync(file, 'a');
  try {
    for (;;) fs.writeSync(fd, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
