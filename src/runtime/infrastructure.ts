/** What the roles stand on: Temporal, the store, the broker; each one of our own, or one that runs already. */
import type { Logger } from 'pino';
import { createConnectionRecorder, type ConnectionRecorder } from '../devices/connections';
import { createEmbeddedBroker, type EmbeddedBrokerOptions } from '../mqtt/embedded-broker';
import type { Broker } from '../mqtt/broker';
import { allDisconnected } from '../store/connections';
import type { BrokerAddress } from '../mqtt/connection';
import { createExternalBroker } from '../mqtt/external-broker';
import { openStore, type Db } from '../store/database';
import { isRefusedAtStart, isStoreUnavailable } from '../store/faults';
import { verifyDevice } from '../store/things';
import { ConfigError, type Config } from './config';
import type { DataDir } from './data-dir';
import type { DiskWatch } from './disk-watch';
import type { Metrics } from './metrics';
import { listenError, reachableHost, reachPort } from './ports';
import { connectToExisting } from './temporal-connection';
import { findTemporalExecutable, type Progress } from './temporal-executable';
import { temporalTarget } from './temporal-target';
import { startTemporalServer, type TemporalService } from './temporal-launcher';
import { SEARCH_ATTRIBUTES } from '../../workflows/messages';

export interface BrokerDeps {
  db: Db;
  metrics: Metrics;
  log: Logger;
}

export interface TemporalDeps {
  log: Logger;
  disk: DiskWatch;
  outlast: DiskWatch['outlast'];
  onProgress: Progress;
}

/** The Temporal that runs already, or one of our own in the data directory. */
export async function openTemporal(
  config: Config,
  dataDir: DataDir | undefined,
  { log: logger, disk, outlast, onProgress }: TemporalDeps,
): Promise<TemporalService> {
  const { temporalNamespace: namespace, temporalUiUrl: uiUrl } = config;
  const target = temporalTarget(config);
  if (target) {
    onProgress(`Temporal: ${target.address}, from TEMPORAL_ADDRESS${target.tls ? ', over TLS' : ''}`);
    const connection = await connectToExisting(target, namespace);
    return { target, connection, uiUrl, stop: () => connection.close() };
  }
  const executable = await findTemporalExecutable(process.env, onProgress);
  const { temporalPort: port, temporalUiPort: uiPort, durability } = config;
  return outlast(() =>
    startTemporalServer({
      ...{ executable, port, uiPort, namespace, durability, logger, disk },
      dataDir: needed(dataDir),
      searchAttributes: SEARCH_ATTRIBUTES,
    }),
  );
}

/**
 * PostgreSQL, or the SQLite file in the data directory.
 * @throws ConfigError when PostgreSQL can't be reached or does not let us in
 */
export async function openDatabase(config: Config, dataDir: DataDir | undefined, log: Logger): Promise<Db> {
  const { databaseUrl: url, databasePoolSize: poolSize, durability } = config;
  if (url === undefined) return openStore({ file: needed(dataDir).file('muster.db'), durability });
  const onConnectionLost = ({ message }: Error) =>
    log.warn(`A connection to PostgreSQL was lost: ${message}`);
  return namingDatabase(config, () => openStore({ url, poolSize, onConnectionLost }));
}

/**
 * Work on the database while Muster starts.
 * @throws ConfigError when PostgreSQL can't be reached or does not let us in; it holds no password
 */
export async function namingDatabase<T>({ databaseUrl: url }: Config, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (url === undefined || !(isStoreUnavailable(error) || isRefusedAtStart(error))) throw error;
    const { message, code } = error as { message?: string; code?: string };
    throw new ConfigError(
      `PostgreSQL at ${new URL(url).host} (DATABASE_URL) can't be used: ${message || code}; start it or correct the URL.`,
    );
  }
}

/** The broker that runs already, or the embedded one. Things are served once it is told to. */
export async function openBroker(
  config: Config,
  dataDir: DataDir | undefined,
  deps: BrokerDeps,
): Promise<Broker> {
  const recorder = createConnectionRecorder(deps);
  const broker = config.mqttUrl
    ? openExternalBroker(config, config.mqttUrl, deps, recorder)
    : await openEmbeddedBroker(config, needed(dataDir), deps, recorder);
  return {
    ...broker,
    async close() {
      await broker.close();
      await recorder.stop();
    },
  };
}

function openExternalBroker(
  config: Config,
  url: NonNullable<Config['mqttUrl']>,
  deps: BrokerDeps,
  recorder: ConnectionRecorder,
): Broker {
  return createExternalBroker({
    ...deps,
    address: brokerAddress(config, url),
    prefixes: config.topicPrefixes,
    sessions: config.mqttSessions,
    sharing: SHARING[config.mqttSharing],
    connectionChanged: (change) => recorder.connectionChanged(change),
  });
}

const SHARING = { auto: undefined, shared: 'SHARED', split: 'SPLIT' } as const;

export function brokerAddress(config: Config, mqttUrl: NonNullable<Config['mqttUrl']>): BrokerAddress {
  const { mqttCa: ca, mqttCert: cert, mqttKey: key } = config;
  if (!cert !== !key)
    throw new ConfigError('MUSTER_MQTT_CERT and MUSTER_MQTT_KEY belong together: set both, or neither.');
  return { ...mqttUrl, protocolVersion: config.mqttVersion === '5' ? 5 : 4, tls: { ca, cert, key } };
}

async function openEmbeddedBroker(
  config: Config,
  dataDir: DataDir,
  { db, metrics, log }: BrokerDeps,
  recorder: ConnectionRecorder,
): Promise<Broker> {
  const { mqttHost: host, mqttPort: port, topicPrefixes: prefixes, durability } = config;
  const authenticate = deviceAuthenticator(db);
  await allDisconnected(db, Date.now());
  const broker = await createEmbeddedBroker({
    ...{ host, port, prefixes, durability, authenticate, metrics, log },
    dataDir: dataDir.path,
    connectionChanged: (change) => recorder.connectionChanged(change),
  });
  let servedPort: number | undefined;
  return {
    publish: (topic, json, correlationData) => broker.publish(topic, json, correlationData),
    async serve(onRequest) {
      servedPort = await broker.listen(onRequest).catch((error: unknown) => {
        throw listenError(error, { host, port }, 'mqtt');
      });
      return `mqtt://${reachableHost(host)}:${servedPort}`;
    },
    stopServing: () => broker.stopServing(),
    check: () => reachPort(servedPort ?? 0, host),
    sessions: broker,
    close: () => broker.close(),
  };
}

/** A thing connects under its own name, with its password and its client id. */
function deviceAuthenticator(db: Db): EmbeddedBrokerOptions['authenticate'] {
  return async (clientId, username, password) => {
    const thing = await verifyDevice(db, username, password);
    return thing?.mqttClientId === clientId ? thing : undefined;
  };
}

/** `needsDataDir` has seen to it. */
function needed(dataDir: DataDir | undefined): DataDir {
  if (!dataDir) throw new Error('An embedded part was asked for without a data directory.');
  return dataDir;
}
