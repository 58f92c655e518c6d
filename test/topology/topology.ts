/**
 * The production topology of docker-compose.yml as processes of this machine: PostgreSQL, Temporal's own server on it,
 * mosquitto in the place of EMQX, and Muster's roles in two processes each. Muster reaches the others by links that
 * can be cut.
 */
import fs from 'node:fs';
import path from 'node:path';
import { reachPort } from '../../src/runtime/ports';
import { Link } from './link';
import { createMosquitto, SERVICE, type Mosquitto } from './mosquitto';
import { Part } from './part';
import { createDatabase, createPostgres } from './postgres';
import { stablePorts } from './ports';
import { createTemporalCluster, NAMESPACE } from './temporal-cluster';
import { createTemporalDev } from './temporal-dev';

const MAIN = path.resolve('dist/src/cli/main.js');
const ROLES = ['api', 'worker', 'bridge'] as const;
const COPIES = 2;

export const API_KEY = { key: 'admin', secret: 'a-secret-for-the-topology' };

export interface Topology {
  /** Every process, in the order of start. */
  parts: Part[];
  /** Those of Muster, by role. */
  muster: Record<(typeof ROLES)[number], Part[]>;
  links: Link[];
  /** URLs of the API processes. */
  apis: string[];
  /** Where devices connect. */
  mqtt: string;
  topicPrefixes: string[];
  temporal: { address: string; namespace: string };
  databaseUrl: string;
  broker: Mosquitto;
  /** What its Muster processes are configured with. */
  env: NodeJS.ProcessEnv;
  /** Stops everything in reverse order. @throws where a part had to be killed */
  stop(): Promise<void>;
}

export interface TopologyOptions {
  /** Everything is kept here. */
  directory: string;
  /** Default `cluster`: Temporal's own server on PostgreSQL. `dev`: its dev server. */
  temporal?: 'cluster' | 'dev';
  /** Default `fleet/things`. */
  topicPrefixes?: string[];
  /** Of every Muster process, beside what makes the topology. */
  env?: NodeJS.ProcessEnv;
  onProgress?(line: string): void;
}

export async function startTopology(options: TopologyOptions): Promise<Topology> {
  const { directory, topicPrefixes = ['fleet/things'], onProgress = () => {} } = options;
  fs.mkdirSync(directory, { recursive: true });
  const at = (name: string) => path.join(directory, name);
  const parts: Part[] = [];
  const links: Link[] = [];
  const start = async (...started: Part[]) => {
    onProgress(`starting ${started.map(({ name }) => name).join(', ')}`);
    parts.push(...started);
    await Promise.all(started.map((part) => part.start()));
  };
  const stop = async () => {
    for (const part of [...parts].reverse()) await part.stop();
    for (const link of links) link.close();
  };
  try {
    const [postgresPort = 0, mqttPort = 0, ...httpPorts] = await stablePorts(2 + ROLES.length * COPIES);
    const postgres = await createPostgres(at('postgres'), postgresPort);
    await start(postgres.part);
    await createDatabase(postgres, 'muster');
    const temporal =
      options.temporal === 'dev'
        ? await createTemporalDev(at('temporal'))
        : await createTemporalCluster(at('temporal'), postgres);
    const broker = createMosquitto(at('mosquitto'), mqttPort, topicPrefixes);
    await start(temporal.part, broker.part);

    const temporalPort = Number(temporal.address.split(':')[1]);
    const link = async (name: string, target: number) => {
      const made = await Link.to(name, target);
      links.push(made);
      return made;
    };
    const [toPostgres, toTemporal, toBroker] = [
      await link('muster to postgres', postgres.port),
      await link('muster to temporal', temporalPort),
      await link('muster to broker', mqttPort),
    ];
    const env = {
      MUSTER_API_KEY: `${API_KEY.key}:${API_KEY.secret}`,
      MUSTER_TOPIC_PREFIXES: topicPrefixes.join(','),
      DATABASE_URL: `postgres://${postgres.user}@127.0.0.1:${toPostgres.port}/muster`,
      MQTT_URL: `mqtt://${SERVICE.username}:${SERVICE.password}@127.0.0.1:${toBroker.port}`,
      TEMPORAL_ADDRESS: `127.0.0.1:${toTemporal.port}`,
      TEMPORAL_NAMESPACE: NAMESPACE,
      ...options.env,
    };
    const processes = ROLES.flatMap((role) =>
      Array.from({ length: COPIES }, (_, i) => ({ role, copy: i + 1 })),
    );
    const muster: Topology['muster'] = { api: [], worker: [], bridge: [] };
    processes.forEach(({ role, copy }, i) => {
      const name = `${role}-${copy}`;
      muster[role].push(createProcess(name, role, httpPorts[i] ?? 0, at(`${name}.log`), env));
    });
    await start(...Object.values(muster).flat());
    return {
      parts,
      muster,
      links,
      apis: processes.flatMap(({ role }, i) => (role === 'api' ? [`http://127.0.0.1:${httpPorts[i]}`] : [])),
      mqtt: `mqtt://127.0.0.1:${mqttPort}`,
      topicPrefixes,
      temporal: { address: temporal.address, namespace: NAMESPACE },
      databaseUrl: `postgres://${postgres.user}@127.0.0.1:${postgres.port}/muster`,
      broker,
      env,
      stop,
    };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

function createProcess(
  name: string,
  roles: string,
  port: number,
  logFile: string,
  env: NodeJS.ProcessEnv,
): Part {
  return new Part({
    name,
    command: process.execPath,
    args: [MAIN, 'serve', '--roles', roles],
    env: { ...env, MUSTER_HTTP_PORT: String(port) },
    logFile,
    supervised: true,
    ready: async () => {
      await reachPort(port, '127.0.0.1');
      const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
      if (status !== 200) throw new Error(`/readyz answers ${status}`);
    },
  });
}
