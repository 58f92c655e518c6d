/**
 * Only one process of a Muster can have the embedded broker, and then it is the only process: what another one
 * publishes or hears would pass by the things. On SQLite the data directory sees to that, on PostgreSQL a lease does.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isPostgres, type Db } from '../store/database';
import { listLeases, removeLease, takeLease } from '../store/leases';
import { ConfigError } from './config';

const LEASE = 'embedded-broker';
const LEASE_MS = 10_000;
const RENEW_EVERY_MS = 2_000;
const LOOK_EVERY_MS = 500;

export interface BrokerClaim {
  release(): Promise<void>;
}

/**
 * Waits for the lease of a process that was killed to run out.
 * @param embeds whether the broker is to be in this process
 * @throws ConfigError where it is in another one
 */
export async function claimBroker(db: Db, embeds: boolean, log: Logger): Promise<BrokerClaim> {
  if (!isPostgres(db)) return { release: () => Promise.resolve() };
  const holder = randomUUID();
  const claim = embeds ? () => take(db, holder) : () => isFree(db);
  for (const end = Date.now() + LEASE_MS + RENEW_EVERY_MS; !(await claim()); await sleep(LOOK_EVERY_MS)) {
    if (Date.now() > end)
      throw new ConfigError(
        'Another process has the embedded MQTT broker of the Muster in this database (DATABASE_URL): stop it, or set MQTT_URL in all processes.',
      );
  }
  if (!embeds) return { release: () => Promise.resolve() };
  const renewal = setInterval(() => {
    take(db, holder).then(
      (isOurs) =>
        isOurs || log.error('Another process has taken the embedded MQTT broker: set MQTT_URL in all.'),
      (error: unknown) => log.warn({ err: error }, 'The claim on the embedded MQTT broker was not renewed.'),
    );
  }, RENEW_EVERY_MS).unref();
  return {
    async release() {
      clearInterval(renewal);
      await removeLease(db, LEASE, holder);
    },
  };
}

function take(db: Db, holder: string): Promise<boolean> {
  const now = Date.now();
  return takeLease(db, { name: LEASE, holder, expiresAt: now + LEASE_MS }, now);
}

async function isFree(db: Db): Promise<boolean> {
  const leases = await listLeases(db, LEASE);
  return leases.every(({ expiresAt }) => expiresAt <= Date.now());
}
