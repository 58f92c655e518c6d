/** What nobody needs any more: found and deleted in small steps, by any number of processes at the same time. */
import { PENDING_STATUSES } from '../domain/statuses';
import type { Db, Queryable } from './database';

/** Entries of the membership log deleted in one statement. */
const ENTRIES_AT_ONCE = 1_000;

/** Jobs that ended before a moment, first those that ended first. One whose executions still run has not ended. */
export async function findEndedJobs(db: Queryable, endedBefore: number, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('jobId')
    .where('completedAt', '<', endedBefore)
    .where('status', 'in', ['COMPLETED', 'CANCELED'])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('executions')
            .select('executions.jobId')
            .whereRef('executions.jobId', '=', 'jobs.jobId')
            .where('executions.status', 'in', PENDING_STATUSES),
        ),
      ),
    )
    .orderBy('completedAt')
    .orderBy('jobId')
    .limit(limit)
    .execute();
  return rows.map(({ jobId }) => jobId);
}

/** Jobs that are just being deleted. */
export async function countDeletions(db: Queryable): Promise<number> {
  const { n } = await db
    .selectFrom('jobs')
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .where('status', '=', 'DELETION_IN_PROGRESS')
    .executeTakeFirstOrThrow();
  return Number(n);
}

/**
 * Deletes entries of the membership log that were made before a moment and that every job has read. A job that is
 * just being created reads from where the log stands now, so the moment must lie well in the past.
 */
export async function trimMembershipLog(db: Db, madeBefore: number): Promise<void> {
  for (;;) {
    const readByAll = await lowestCursor(db);
    const oldest = await db
      .selectFrom('membership_log')
      .select(['seq', 'at'])
      .orderBy('seq')
      .limit(ENTRIES_AT_ONCE)
      .execute();
    const needed = oldest.findIndex(({ seq, at }) => seq > readByAll || at >= madeBefore);
    const last = needed === -1 ? oldest.at(-1) : oldest[needed - 1];
    if (!last) return;
    await db.deleteFrom('membership_log').where('seq', '<=', last.seq).execute();
    if (needed !== -1) return;
  }
}

/** Of all jobs that read the log; without one nothing of it is needed. */
async function lowestCursor(db: Queryable): Promise<number> {
  const { cursor } = await db
    .selectFrom('jobs')
    .select(({ fn }) => fn.min<number | null>('membershipSeq').as('cursor'))
    .where('status', '=', 'IN_PROGRESS')
    .where('jobType', '=', 'CONTINUOUS')
    .executeTakeFirstOrThrow();
  return cursor ?? Infinity;
}
