import type { Connection } from '@temporalio/client';
import { sql } from 'kysely';
import type { Db } from '../store/database';
import { withDeadline } from './deadline';
import { reachPort } from './ports';
import { pingTemporal } from './temporal-connection';
import type { RunningWorker } from './worker';

const CHECK_LIMIT_MS = 2_000;

/** What a Muster needs in order to serve, and whether it has it. */
export interface Readiness {
  ready: boolean;
  checks: Record<'store' | 'temporal' | 'broker' | 'worker', 'ok' | 'failed'>;
}

export interface HealthDeps {
  db: Db;
  connection: Connection;
  worker: RunningWorker;
  mqttPort: number;
}

/** @returns a check of every part, each with a limit of 2 s; it never throws */
export function createReadinessCheck(deps: HealthDeps): () => Promise<Readiness> {
  return async () => {
    const [store, temporal, broker, worker] = await Promise.all([
      check(() => sql`select 1`.execute(deps.db)),
      check(() => pingTemporal(deps.connection)),
      check(() => reachPort(deps.mqttPort)),
      check(() => deps.worker.isRunning()),
    ]);
    const checks = { store, temporal, broker, worker };
    return { ready: Object.values(checks).every((result) => result === 'ok'), checks };
  };
}

/** Anything but false and a failure is fine. */
async function check(ask: () => unknown): Promise<'ok' | 'failed'> {
  try {
    const answer = await withDeadline(Promise.resolve().then(ask), CHECK_LIMIT_MS, 'the check');
    return answer === false ? 'failed' : 'ok';
  } catch {
    return 'failed';
  }
}
