import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { isPostgres, type Db } from '../store/database';
import type { StatusCounts } from './metrics';

/** A job has up to 128 rows of counts: some ms of SQLite, which works in this thread. */
const JOBS_AT_ONCE = { sqlite: 100, postgres: 10_000 };

/** Jobs and executions by status, for the metrics: page by page, with a turn for everything else in between. */
export async function countStatuses(db: Db): Promise<StatusCounts> {
  const counts: StatusCounts = { jobs: {}, executions: {} };
  const limit = isPostgres(db) ? JOBS_AT_ONCE.postgres : JOBS_AT_ONCE.sqlite;
  for (let after = ''; ;) {
    const jobs = await db
      .selectFrom('jobs')
      .select(['jobId', 'status'])
      .where('jobId', '>', after)
      .orderBy('jobId')
      .limit(limit)
      .execute();
    for (const { status } of jobs) add(counts.jobs, status, 1);
    const last = jobs.at(-1)?.jobId;
    if (last === undefined) return counts;
    for (const { status, n } of await countsBetween(db, after, last))
      add(counts.executions, status, Number(n));
    after = last;
    await turnOfTheLoop();
  }
}

function countsBetween(db: Db, after: string, last: string) {
  return db
    .selectFrom('job_counts')
    .select(({ fn }) => ['status', fn.sum<number>('n').as('n')])
    .where('jobId', '>', after)
    .where('jobId', '<=', last)
    .groupBy('status')
    .execute();
}

function add(counts: Record<string, number>, status: string, n: number): void {
  counts[status] = (counts[status] ?? 0) + n;
}
