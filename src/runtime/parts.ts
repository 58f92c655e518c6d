import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { Logger } from 'pino';
import type { DeviceService } from '../devices/service';
import type { Db } from '../store/database';
import type { Config } from './config';
import type { Checks, Readiness } from './health';
import type { Metrics } from './metrics';
import type { Shutdown } from './shutdown';
import type { TemporalService } from './temporal-launcher';

/** What every role may use. A role adds its own check, and what of it is to be stopped. */
export interface Parts {
  config: Config;
  log: Logger;
  shutdown: Shutdown;
  /** Does what the start needs done on the disk; where that is full, it waits until it is not. */
  outlast: <T>(work: () => T | Promise<T>) => Promise<T>;
  temporal: TemporalService;
  client: Client;
  /** Of everything that goes to Temporal and comes from it. */
  codec: PayloadCodec;
  /** Temporal's, of this Muster alone. */
  taskQueue: string;
  db: Db;
  metrics: Metrics;
  devices: DeviceService;
  /** The same, for what things ask: each has its share of requests. */
  devicesInTurn: DeviceService;
  checks: Checks;
  health: { checkReady(): Promise<Readiness> };
}
