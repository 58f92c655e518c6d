/** What doctor compares with Temporal: pages over everything that is not at its end. */
import { sql } from 'kysely';
import { type JobStatus } from '../domain/statuses';
import type { Db, Queryable } from './database';
import { countPending } from './executions';
import type { ExecutionRow, JobRow } from './schema';

export type ExecutionKey = Pick<ExecutionRow, 'jobId' | 'thingName'>;

/** Executions that are QUEUED or IN_PROGRESS, by thing. @param after the last one of the page before */
export async function pendingPage(
  db: Db,
  after: ExecutionKey | undefined,
  limit: number,
): Promise<ExecutionKey[]> {
  const { thingName, jobId } = after ?? { thingName: '', jobId: '' };
  return (
    db
      .selectFrom('executions')
      .select(['jobId', 'thingName'])
      // Literals, or SQLite could not use the partial index on them.
      .where(sql<boolean>`${sql.ref('status')} in ('QUEUED', 'IN_PROGRESS')`)
      .where((eb) =>
        eb.or([eb('thingName', '>', thingName), eb('thingName', '=', thingName).and('jobId', '>', jobId)]),
      )
      .orderBy('thingName')
      .orderBy('jobId')
      .limit(limit)
      .execute()
  );
}

/** Jobs in a status, by id. */
export async function jobPage(
  db: Queryable,
  status: JobStatus,
  afterJobId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('jobId')
    .where('status', '=', status)
    .where('jobId', '>', afterJobId)
    .orderBy('jobId')
    .limit(limit)
    .execute();
  return rows.map(({ jobId }) => jobId);
}

/** The jobs among these, by id. */
export async function findJobs(
  db: Queryable,
  jobIds: string[],
): Promise<Map<string, Pick<JobRow, 'jobId' | 'status' | 'completedAt'>>> {
  const rows = await db
    .selectFrom('jobs')
    .select(['jobId', 'status', 'completedAt'])
    .where('jobId', 'in', jobIds)
    .execute();
  return new Map(rows.map((row) => [row.jobId, row]));
}

/** Whether every target was launched, and every execution has ended. */
export async function hasFinished(db: Queryable, jobId: string): Promise<boolean> {
  const waiting = await db
    .selectFrom('job_targets')
    .select('thingName')
    .where('jobId', '=', jobId)
    // A literal, or SQLite could not use the partial index on it.
    .where(sql<boolean>`${sql.ref('state')} = 'WAITING'`)
    .limit(1)
    .executeTakeFirst();
  return waiting === undefined && (await countPending(db, jobId)) === 0;
}
