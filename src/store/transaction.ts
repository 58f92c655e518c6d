/** Transactions of several processes on one database: how they are tried again, and what they lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IsolationLevel, Transaction } from 'kysely';
import { isPostgres, type Db, type Queryable } from './database';
import { isConflict, isConnectionLost } from './faults';
import type { Database } from './schema';

const TRIES = 6;
const FIRST_PAUSE_MS = 10;

/**
 * Runs `work` in a transaction, and again where that has certainly not taken place: it was in conflict with
 * another one, or the connection broke before the commit was sent. `work` must do nothing but ask the database.
 * @param isolation of PostgreSQL. `read committed`: each statement sees what is committed when it begins, and what must
 *   not change meanwhile is locked. SQLite has one writer, and needs neither
 */
export async function inTransaction<T>(
  db: Db,
  work: (tx: Transaction<Database>) => Promise<T>,
  isolation: IsolationLevel = 'read committed',
): Promise<T> {
  for (let pause = FIRST_PAUSE_MS, left = TRIES - 1; ; pause *= 2, left--) {
    let committing = false;
    try {
      return await db
        .transaction()
        .setIsolationLevel(isolation)
        .execute(async (tx) => {
          const result = await work(tx);
          committing = true;
          return result;
        });
    } catch (error) {
      const undone = isConflict(error) || (!committing && isConnectionLost(error));
      if (!undone || left === 0) throw error;
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}

/** All statements of `work` see one state of the store. */
export function inSnapshot<T>(db: Db, work: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
  return inTransaction(db, work, 'repeatable read');
}

/**
 * Holds these things until the end of the transaction. What is pending for a thing changes only under its lock, so
 * that nobody misses who is next. In the order of names, so that two transactions never wait for each other. On SQLite
 * there is nothing to hold.
 */
export async function lockThings(tx: Queryable, thingNames: readonly string[]): Promise<void> {
  if (!isPostgres(tx)) return;
  await tx
    .selectFrom('things')
    .select('name')
    .where('name', 'in', thingNames)
    .orderBy('name')
    .forNoKeyUpdate()
    .execute();
}

/**
 * Holds a job until the end of the transaction; before its things, where both are locked.
 * @param mode `share`: its status stays as it is, others may hold it the same way
 * @returns undefined where there is no such job
 */
export async function lockJob(tx: Queryable, jobId: string, mode: 'share' | 'update') {
  const job = tx
    .selectFrom('jobs')
    .select(['status', 'dispatch', 'createdAt', 'queueEnd'])
    .where('jobId', '=', jobId);
  return (mode === 'share' ? job.forShare() : job.forNoKeyUpdate()).executeTakeFirst();
}
