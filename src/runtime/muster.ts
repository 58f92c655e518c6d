/** Puts a whole Muster together: this file says what depends on what, and nothing else. */
import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { createActivities } from '../../activities';
import { SEARCH_ATTRIBUTES } from '../../workflows/messages';
import { createApi } from '../api/app';
import { createJobCommands } from '../api/create-job-commands';
import type { JobCommands } from '../api/job-commands';
import { resumeThingDeletions } from '../api/thing-deletion';
import { createDeviceService } from '../devices/create-device-service';
import { createNotifier } from '../devices/notifier';
import { throttled } from '../devices/throttle';
import { createBridge } from '../mqtt/bridge';
import {
  createEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
} from '../mqtt/embedded-broker';
import { ensureAdminKey } from '../store/api-keys';
import { openStore, type Db } from '../store/database';
import { verifyDevice } from '../store/things';
import type { Config } from './config';
import { openDataDir, type DataDir, type Endpoints } from './data-dir';
import { createReadinessCheck } from './health';
import { startHttpServer } from './http-server';
import { createLogger } from './logs';
import { createMetrics } from './metrics';
import { HOST, portError } from './ports';
import { Shutdown } from './shutdown';
import { countStatuses } from './status-counts';
import { connectToExisting, ensureSearchAttributes } from './temporal-connection';
import { findTemporalExecutable, type Progress } from './temporal-executable';
import { startTemporalServer, type TemporalService } from './temporal-launcher';
import { installTemporalRuntime } from './temporal-runtime';
import { startWorker } from './worker';

/** Characters of a secret that can't be guessed in any time. */
const WEAK_BELOW = 16;

export interface RunningMuster {
  readonly endpoints: Endpoints;
  /** The administrator's key that was made up at the first start; it can't be shown again. */
  readonly adminKey?: { apiKey: string; apiSecret: string };
  /** Never resolves; rejects when a part that Muster can't do without has failed. */
  readonly failed: Promise<never>;
  /** Stops everything in order, within 15 s. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Tells what goes on, line by line. */
  onProgress: Progress;
}

/**
 * Starts everything that `config` asks for. What had started is stopped again where a later part can't.
 * @throws ConfigError for what the operator can put right.
 */
export async function startMuster(config: Config, { onProgress }: StartOptions): Promise<RunningMuster> {
  const log = createLogger(config.logLevel);
  const shutdown = new Shutdown(log);
  try {
    return await startParts(config, log, shutdown, onProgress);
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

async function startParts(
  config: Config,
  log: Logger,
  shutdown: Shutdown,
  onProgress: Progress,
): Promise<RunningMuster> {
  const { temporalNamespace: namespace, topicPrefixes: prefixes } = config;
  const dataDir = openDataDir(config.dataDir);
  shutdown.add('data directory', 500, () => dataDir.release());

  const temporal = await openTemporal(config, dataDir, log, onProgress);
  shutdown.add('connection to Temporal', 3_500, () => temporal.stop());
  await ensureSearchAttributes(temporal.connection, namespace, SEARCH_ATTRIBUTES);
  const client = new Client({ connection: temporal.connection, namespace });

  const db = await openStore(dataDir.file('muster.db'));
  shutdown.add('store', 500, () => db.destroy());
  const { apiKey: given } = config;
  if (given && given.secret.length < WEAK_BELOW)
    log.warn(
      `The secret in MUSTER_API_KEY is shorter than ${WEAK_BELOW} characters: take a longer one where others reach Muster.`,
    );
  const adminKey = await ensureAdminKey(db, given && { apiKey: given.key, apiSecret: given.secret });

  const broker = await createEmbeddedBroker({
    port: config.mqttPort,
    dataDir: dataDir.path,
    prefixes,
    authenticate: deviceAuthenticator(db),
    log,
  });
  shutdown.add('MQTT broker', 2_000, () => broker.close());

  const workerMetricsUrl = await installTemporalRuntime(log);
  const metrics = createMetrics({ countStatuses: () => countStatuses(db), workerMetricsUrl });
  const devices = createDeviceService({ db, client });
  const notifier = createNotifier({ db, publisher: broker, prefixes });
  const worker = await startWorker({
    address: temporal.address,
    namespace,
    activities: createActivities({ db, client, publisher: broker, notifier, devices, metrics }),
  });
  shutdown.add('worker', 4_500, () => worker.stop());

  const askedByDevices = throttled(devices);
  const bridge = createBridge({ prefixes, devices: askedByDevices, publisher: broker, metrics, log });
  const mqttPort = await broker.listen(bridge.handle).catch((error: unknown) => {
    throw portError(error, config.mqttPort, 'mqttPort');
  });

  const mqttUrl = `mqtt://${HOST}:${mqttPort}`;

  const commands = commandsWithSessions(createJobCommands({ db, client, log }), broker);
  const checkReady = createReadinessCheck({ db, connection: temporal.connection, worker, mqttPort });
  const onCredentialsChanged = (thingName: string) => broker.disconnect(thingName);
  const api = createApi({
    db,
    commands,
    devices: askedByDevices,
    health: { checkReady },
    metrics,
    log,
    about: {
      temporal: { namespace, uiUrl: temporal.uiUrl ?? null },
      mqtt: { url: mqttUrl, topicPrefixes: [...prefixes] },
    },
    onCredentialsChanged,
  });
  const http = await startHttpServer(api, config.httpPort);
  shutdown.add('API', 2_000, () => http.stop());
  commands.membershipChanged();
  void resumeThingDeletions({ db, commands, log }).catch((error: unknown) =>
    log.warn({ err: error }, 'Deletions of things that were cut off wait for the next start.'),
  );

  const endpoints: Endpoints = {
    http: http.url,
    mqtt: mqttUrl,
    temporal: temporal.address,
    temporalUi: temporal.uiUrl,
  };
  dataDir.writeEndpoints(endpoints);
  shutdown.add('endpoints', 500, () => dataDir.removeEndpoints());

  return { endpoints, adminKey, failed: worker.failed, stop: () => shutdown.run() };
}

/** A thing connects under its own name, with its password and its client id. */
function deviceAuthenticator(db: Db): EmbeddedBrokerOptions['authenticate'] {
  return async (clientId, username, password) => {
    const thing = await verifyDevice(db, username, password);
    return thing?.mqttClientId === clientId ? thing : undefined;
  };
}

/** The session of a deleted thing goes with its executions: whoever gets the name next must not read its messages. */
function commandsWithSessions(commands: JobCommands, broker: EmbeddedBroker): JobCommands {
  return {
    ...commands,
    async removeExecutionsOf(thingName, by) {
      await commands.removeExecutionsOf(thingName, by);
      await broker.forget(thingName);
    },
  };
}

/** The Temporal that runs already, or one of our own. */
async function openTemporal(
  config: Config,
  dataDir: DataDir,
  logger: Logger,
  onProgress: Progress,
): Promise<TemporalService> {
  const { temporalAddress: address, temporalNamespace: namespace } = config;
  if (address) {
    onProgress(`Temporal: ${address}, from TEMPORAL_ADDRESS`);
    const connection = await connectToExisting(address, namespace);
    return { address, connection, stop: () => connection.close() };
  }
  const executable = await findTemporalExecutable(process.env, onProgress);
  const { temporalPort: port, temporalUiPort: uiPort } = config;
  return startTemporalServer({ executable, dataDir, port, uiPort, namespace, logger });
}
