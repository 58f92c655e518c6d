/** Puts a Muster process together: what it stands on, then its roles. */
import { Client } from '@temporalio/client';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTES } from '../../workflows/messages';
import { createOperations } from '../api/app';
import { createDeviceService } from '../devices/create-device-service';
import { throttled } from '../devices/throttle';
import { readTaskQueue } from '../store/installation';
import { cleartextWarnings } from './cleartext';
import type { Config } from './config';
import { openDataDir, type Endpoints } from './data-dir';
import { watchDisk, type DiskWatch } from './disk-watch';
import { claimBroker } from './embedded-broker-claim';
import { createReadinessCheck, type Checks } from './health';
import { startHttpServer } from './http-server';
import { namingDatabase, openBroker, openDatabase, openTemporal } from './infrastructure';
import { createLogger, switchLevelOnSignal } from './logs';
import { createMetrics } from './metrics';
import type { Parts } from './parts';
import { createPayloadCodec, payloadKeys } from './payload-codec';
import { checkRoles, needsBroker, needsDataDir } from './roles';
import { startApiRole, type ApiRole } from './roles/api';
import { startBridgeRole } from './roles/bridge';
import { startWorkerRole } from './roles/worker';
import { Shutdown } from './shutdown';
import { countStatuses } from './status-counts';
import { ensureSearchAttributes, pingTemporal } from './temporal-connection';
import type { Progress } from './temporal-executable';
import { installTemporalRuntime } from './temporal-runtime';
import { createWaitingRoom } from './waiting-room';

export interface RunningMuster {
  readonly endpoints: Endpoints;
  /** The directory of what this process keeps itself; undefined where everything runs elsewhere. */
  readonly dataDir?: string;
  readonly adminKey?: ApiRole['adminKey'];
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
  checkRoles(config);
  const log: Logger = createLogger(config.logLevel, { isKnown: (error) => disk.explains(error) });
  const disk = watchDisk(needsDataDir(config) ? config.dataDir : undefined, log);
  const shutdown = new Shutdown(log);
  shutdown.add('watch on the disk', 500, () => disk.stop());
  const endSwitching = switchLevelOnSignal(log);
  shutdown.add('switch of the log level', 500, () => Promise.resolve(endSwitching()));
  try {
    return await startParts(config, { log, disk, shutdown, onProgress });
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

interface StartDeps extends StartOptions {
  log: Logger;
  disk: DiskWatch;
  shutdown: Shutdown;
}

/** Stopped in the reverse order: first what lets requests in, then what works on them, then what that stands on. */
async function startParts(
  config: Config,
  { log, disk, shutdown, onProgress }: StartDeps,
): Promise<RunningMuster> {
  for (const warning of cleartextWarnings(config)) log.warn(warning);
  const { roles, temporalNamespace: namespace } = config;
  const codec = createPayloadCodec(payloadKeys(config));
  const checks: Checks = needsDataDir(config) ? { disk: () => disk.look() ?? 'ok' } : {};
  const waitingRoom = createWaitingRoom(config, checks, log);
  shutdown.add('waiting room', 500, () => waitingRoom.close());
  const outlast = <T>(work: () => T | Promise<T>) => disk.outlast(work, { onWait: () => waitingRoom.open() });

  const dataDir = needsDataDir(config) ? await outlast(() => openDataDir(config.dataDir)) : undefined;
  if (dataDir) shutdown.add('data directory', 500, () => dataDir.release());

  const temporal = await openTemporal(config, dataDir, { log, disk, outlast, onProgress });
  shutdown.add('connection to Temporal', 3_500, () => temporal.stop());
  await outlast(() => ensureSearchAttributes(temporal.connection, namespace, SEARCH_ATTRIBUTES));
  const client = new Client({
    connection: temporal.connection,
    namespace,
    dataConverter: { payloadCodecs: [codec] },
  });

  const db = await outlast(() => openDatabase(config, dataDir, log));
  shutdown.add('store', 500, () => db.destroy());
  const taskQueue = await namingDatabase(config, () => readTaskQueue(db));
  const embedsBroker = needsBroker(config) && !config.mqttUrl;
  const claim = await namingDatabase(config, () => claimBroker(db, embedsBroker, log));
  shutdown.add('claim on the MQTT broker', 500, () => claim.release());

  checks.store = () => sql`select 1`.execute(db);
  checks.temporal = () => pingTemporal(temporal.connection);
  const health = { checkReady: createReadinessCheck(checks) };
  const workerMetricsUrl = roles.includes('worker') ? await installTemporalRuntime(log) : undefined;
  const metrics = createMetrics({ countStatuses: () => countStatuses(db), ...health, workerMetricsUrl });
  const broker = needsBroker(config)
    ? await outlast(() => openBroker(config, dataDir, { db, metrics, log }))
    : undefined;
  if (broker) {
    checks.broker = () => broker.check();
    shutdown.add('MQTT broker', 2_000, () => broker.close());
  }
  const devices = createDeviceService({ db, client, taskQueue });
  const parts: Parts = {
    ...{
      config,
      log,
      shutdown,
      outlast,
      temporal,
      client,
      codec,
      taskQueue,
      db,
      metrics,
      devices,
      checks,
      health,
    },
    devicesInTurn: throttled(devices),
  };

  const worker = broker && roles.includes('worker') ? await startWorkerRole(parts, broker) : undefined;
  const mqtt = broker && roles.includes('bridge') ? await startBridgeRole(parts, broker) : undefined;
  const api = roles.includes('api')
    ? await startApiRole(parts, { mqttUrl: mqtt, sessions: broker?.sessions })
    : undefined;
  await waitingRoom.close();
  const http = await startHttpServer(api?.app ?? createOperations({ health, metrics, log }), {
    host: config.httpHost,
    port: config.httpPort,
  });
  shutdown.add('HTTP server', 4_000, () => {
    api?.endStreams();
    return http.stop();
  });

  const endpoints: Endpoints = {
    http: http.url,
    mqtt,
    temporal: temporal.target.address,
    temporalUi: temporal.uiUrl,
  };
  await outlast(() => dataDir?.writeEndpoints(endpoints));
  shutdown.add('endpoints', 500, () => dataDir?.removeEndpoints());

  return {
    endpoints,
    dataDir: dataDir?.path,
    adminKey: api?.adminKey,
    failed: worker?.failed ?? new Promise<never>(() => undefined),
    stop: () => shutdown.run(),
  };
}
