/** What the faults happen to: Muster embedded, or the topology. */
import fs from 'node:fs';
import path from 'node:path';
import { Part } from '../topology/part';
import { stablePorts } from '../topology/ports';
import { makeSmallDisk, type SmallDisk } from '../topology/small-disk';
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
  admit(credentials: readonly Credentials[]): Promise<void>;
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
    admit: (credentials) => topology.broker.admit(credentials),
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

/** `muster up`, on a file system of its own. */
export async function startEmbeddedWorld(directory: string): Promise<World> {
  const [http = 0, mqtt = 0, grpc = 0, ui = 0] = await stablePorts(4);
  const disk = ownDisk();
  const dataDir = path.join(disk?.path ?? directory, 'data');
  const env = {
    MUSTER_HTTP_PORT: String(http),
    MUSTER_MQTT_PORT: String(mqtt),
    MUSTER_TEMPORAL_PORT: String(grpc),
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
  const temporal = temporalOf(dataDir);
  let fills = 0;
  return {
    apis: [`http://127.0.0.1:${http}`],
    mqtt: `mqtt://127.0.0.1:${mqtt}`,
    topicPrefix: '$emqx/things',
    env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${grpc}` },
    targets: [
      { name: 'muster', kind: 'kill', weight: 3 },
      { name: 'muster', kind: 'freeze', weight: 1 },
      { name: 'temporal', kind: 'kill', weight: 3 },
      { name: 'temporal', kind: 'freeze', weight: 1 },
      ...(disk ? [{ name: 'disk', kind: 'fill' as const, weight: 2 }] : []),
    ],
    admit: () => Promise.resolve(),
    async strike(target, kind) {
      if (target === 'muster') await striker.strike(target, kind);
      else if (target === 'temporal') temporal.strike(kind);
      else {
        fills++;
        disk?.fill();
      }
    },
    async heal(target, kind) {
      if (target === 'muster') await striker.heal(target, kind);
      else if (target === 'temporal') temporal.heal();
      else if (--fills === 0) disk?.makeRoom();
    },
    ownEnds: () => muster.faults,
    async stop() {
      await muster.stop();
      // One that outlived a Muster which was killed last.
      temporal.strike('kill');
      disk?.remove();
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

/** A file system of its own, where root is at hand to make one. */
function ownDisk(): SmallDisk | undefined {
  try {
    return makeSmallDisk(DISK_MIB);
  } catch {
    return undefined;
  }
}

/** The Temporal that Muster has started, which starts it again when it has ended. There may be none just now. */
function temporalOf(dataDir: string) {
  const frozen = new Set<number>();
  const pid = () => {
    try {
      const record = fs.readFileSync(path.join(dataDir, 'temporal.pid.json'), 'utf8');
      return (JSON.parse(record) as { pid?: number }).pid;
    } catch {
      return undefined;
    }
  };
  return {
    strike(kind: FaultKind): void {
      const struck = pid();
      if (struck === undefined) return;
      if (kind === 'freeze') frozen.add(struck);
      signal(struck, kind === 'freeze' ? 'SIGSTOP' : 'SIGKILL');
    },
    heal(): void {
      for (const one of frozen) signal(one, 'SIGCONT');
      frozen.clear();
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
