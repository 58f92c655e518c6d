/** Temporal's own server on PostgreSQL, with its four services in one process. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { Part } from './part';
import { stablePorts } from './ports';

const run = promisify(execFile);

export const TEMPORAL_VERSION = 'v1.29.1';
export const NAMESPACE = 'muster';
const HISTORY_SHARDS = 16;
/** The one of docker-compose.yml. */
const DYNAMIC_CONFIG = path.resolve('deploy/temporal/dynamic.yaml');
const DATABASE_CONNECTIONS = 40;

export interface TemporalServer {
  part: Part;
  address: string;
}

/**
 * The server and its SQL tool, built once with Go into the cache.
 * @throws where they are not there and can't be built
 */
export async function findTemporalServer(): Promise<{ server: string; sql: string }> {
  const cache = path.join(
    process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'),
    'muster',
    `temporal-server-${TEMPORAL_VERSION}`,
  );
  const executables = { server: path.join(cache, 'server'), sql: path.join(cache, 'sql') };
  if (Object.values(executables).every((file) => fs.existsSync(file))) return executables;
  console.log(`Temporal's server: building ${TEMPORAL_VERSION} with Go, once; this takes some minutes`);
  fs.mkdirSync(cache, { recursive: true });
  const packages = ['cmd/server', 'cmd/tools/sql'].map(
    (name) => `go.temporal.io/server/${name}@${TEMPORAL_VERSION}`,
  );
  await run('go', ['install', ...packages], { env: { ...process.env, GOBIN: cache }, timeout: 1_200_000 });
  return executables;
}

/** Makes its databases, its schema and its configuration. The part is not started yet. */
export async function createTemporalCluster(
  directory: string,
  postgres: { port: number; user: string },
): Promise<TemporalServer> {
  fs.mkdirSync(directory, { recursive: true });
  const { server, sql } = await findTemporalServer();
  for (const [database, schema] of [
    ['temporal', 'postgresql/v12/temporal'],
    ['temporal_visibility', 'postgresql/v12/visibility'],
  ] as const) {
    const tool = (...args: string[]) =>
      run(sql, [
        ...['--plugin', 'postgres12', '--ep', '127.0.0.1', '-p', String(postgres.port)],
        ...['-u', postgres.user, '--pw', 'unused', '--db', database],
        ...args,
      ]);
    await tool('create');
    await tool('setup-schema', '-v', '0.0');
    await tool('update-schema', '--schema-name', schema);
  }
  const ports = await stablePorts(8);
  const config = path.join(directory, 'development.yaml');
  // JSON is YAML.
  fs.writeFileSync(config, JSON.stringify(configuration(postgres, ports)));
  const address = `127.0.0.1:${ports[0]}`;
  return {
    address,
    part: new Part({
      name: 'temporal',
      command: server,
      args: ['--root', directory, '--config', '.', '--env', 'development', 'start'],
      logFile: path.join(directory, 'log'),
      ready: () => ensureNamespace(address),
    }),
  };
}

function configuration(postgres: { port: number; user: string }, ports: number[]) {
  const [
    frontend,
    frontendMembers,
    history,
    historyMembers,
    matching,
    matchingMembers,
    worker,
    workerMembers,
  ] = ports;
  const database = (databaseName: string, maxConns: number) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `127.0.0.1:${postgres.port}`,
      connectProtocol: 'tcp',
      user: postgres.user,
      password: 'unused',
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  });
  const service = (grpcPort?: number, membershipPort?: number) => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true },
  });
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: HISTORY_SHARDS,
      datastores: {
        default: database('temporal', DATABASE_CONNECTIONS),
        visibility: database('temporal_visibility', 5),
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: {
      frontend: service(frontend, frontendMembers),
      history: service(history, historyMembers),
      matching: service(matching, matchingMembers),
      worker: service(worker, workerMembers),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${frontend}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: `127.0.0.1:${frontend}` },
    dynamicConfigClient: { filepath: DYNAMIC_CONFIG, pollInterval: '10s' },
  };
}

/** The operator of a cluster makes the namespace. */
export async function ensureNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    const { namespaces } = await connection.workflowService.listNamespaces({});
    if (namespaces.some(({ namespaceInfo }) => namespaceInfo?.name === NAMESPACE)) return;
    await connection.workflowService.registerNamespace({
      namespace: NAMESPACE,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
  } finally {
    await connection.close();
  }
}
