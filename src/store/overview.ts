/** How everything stands, for the first page of the console: a few rows of each, all of them found by an index. */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { sql } from 'kysely';
import {
  JOB_STATUSES,
  noExecutions,
  type ExecutionCounts,
  type ExecutionStatus,
  type JobStatus,
} from '../domain/statuses';
import { MINUTE } from '../domain/limits';
import type { Queryable } from './database';
import { latestNotableEvents, type Event } from './events';
import {
  findJobSummaries,
  listJobs,
  toExecutionWithJobName,
  withJobName,
  type ExecutionWithJobName,
  type JobSummary,
} from './job-queries';

export interface Overview {
  jobs: Record<JobStatus, number>;
  /** Over the jobs in progress. */
  executions: ExecutionCounts;
  running: JobSummary[];
  attention: { jobs: JobSummary[]; executions: ExecutionWithJobName[] };
  activity: (Event & { jobName: string | null })[];
  /** `connected` is null where nobody tells. */
  things: { total: number; connected: number | null };
}

const LISTED = 10;
const ACTIVITY_LISTED = 20;
const DAY = 24 * 60 * MINUTE;
const LONG_MS = 15 * MINUTE;
/** Jobs of each kind that are looked at for failures. */
const JOBS_LOOKED_AT = 1_000;
const FAILURES: ExecutionStatus[] = ['FAILED', 'REJECTED', 'TIMED_OUT'];

/** Part by part, with a turn for everything else in between: SQLite works in this thread. */
export async function readOverview(db: Queryable, now: number): Promise<Overview> {
  const jobs = await thenTurn(countJobs(db));
  const executions = await thenTurn(countExecutionsInProgress(db));
  const running = (await thenTurn(listJobs(db, { status: 'IN_PROGRESS' }, { limit: LISTED }))).items;
  const failing = await thenTurn(jobsWithFailures(db, now));
  const long = await thenTurn(longAtWork(db, now));
  const activity = await thenTurn(latestActivity(db));
  const things = await countThings(db);
  return { jobs, executions, running, attention: { jobs: failing, executions: long }, activity, things };
}

async function thenTurn<T>(part: Promise<T>): Promise<T> {
  const found = await part;
  await turnOfTheLoop();
  return found;
}

async function countJobs(db: Queryable): Promise<Record<JobStatus, number>> {
  const rows = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['status', fn.countAll<number>().as('n')])
    .groupBy('status')
    .execute();
  const found = Object.fromEntries(rows.map(({ status, n }) => [status, Number(n)]));
  return Object.fromEntries(JOB_STATUSES.map((status) => [status, found[status] ?? 0])) as Overview['jobs'];
}

async function countExecutionsInProgress(db: Queryable): Promise<ExecutionCounts> {
  const rows = await db
    .selectFrom('jobs')
    .innerJoin('job_counts', 'job_counts.jobId', 'jobs.jobId')
    .select(({ fn }) => ['job_counts.status', fn.sum<number>('job_counts.n').as('n')])
    .where('jobs.status', '=', 'IN_PROGRESS')
    .groupBy('job_counts.status')
    .execute();
  const counts = noExecutions();
  for (const { status, n } of rows) counts[status] = Number(n);
  return counts;
}

/** The newest jobs in progress and those that ended last, as far as they are looked at. */
async function jobsWithFailures(db: Queryable, now: number): Promise<JobSummary[]> {
  const inProgress = db
    .selectFrom('jobs')
    .select(['jobId', 'createdAt'])
    .where('status', '=', 'IN_PROGRESS')
    .orderBy('createdAt', 'desc')
    .limit(JOBS_LOOKED_AT);
  const ended = db
    .selectFrom('jobs')
    .select(['jobId', 'createdAt'])
    .where('completedAt', '>=', now - DAY)
    .where('status', '!=', 'DELETION_IN_PROGRESS')
    .orderBy('completedAt', 'desc')
    .limit(JOBS_LOOKED_AT);
  const both = db
    .selectFrom(inProgress.as('in_progress'))
    .selectAll()
    .unionAll(db.selectFrom(ended.as('ended')).selectAll());
  const rows = await db
    .selectFrom(both.as('candidate'))
    .select('candidate.jobId')
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('job_counts')
          .select('n')
          .whereRef('job_counts.jobId', '=', 'candidate.jobId')
          .where('job_counts.status', 'in', FAILURES)
          .where('n', '>', 0),
      ),
    )
    .orderBy('candidate.createdAt', 'desc')
    .orderBy('candidate.jobId', 'desc')
    .limit(LISTED)
    .execute();
  return findJobSummaries(
    db,
    rows.map(({ jobId }) => jobId),
  );
}

async function longAtWork(db: Queryable, now: number): Promise<ExecutionWithJobName[]> {
  const rows = await withJobName(db)
    // A literal, or SQLite could not use the partial index.
    .where(sql<boolean>`${sql.ref('executions.status')} = 'IN_PROGRESS'`)
    .where('executions.startedAt', '<', now - LONG_MS)
    .orderBy('executions.startedAt')
    .limit(LISTED)
    .execute();
  return rows.map(toExecutionWithJobName);
}

async function latestActivity(db: Queryable): Promise<Overview['activity']> {
  const events = await latestNotableEvents(db, ACTIVITY_LISTED);
  const jobIds = [...new Set(events.flatMap(({ jobId }) => jobId ?? []))];
  const jobs = await db.selectFrom('jobs').select(['jobId', 'name']).where('jobId', 'in', jobIds).execute();
  const names = new Map(jobs.map(({ jobId, name }) => [jobId, name]));
  // A deleted job has its name in the event that tells of the deletion.
  for (const { type, jobId, data } of events)
    if (type === 'job.deleted') names.set(jobId!, data.name as string | null);
  return events.map((event) => ({ ...event, jobName: names.get(event.jobId!) ?? null }));
}

async function countThings(db: Queryable): Promise<Overview['things']> {
  const count = () => db.selectFrom('things').select(({ fn }) => fn.countAll<number>().as('n'));
  const { n: all } = await count().executeTakeFirstOrThrow();
  const { n: gone } = await count().where('deletedAt', 'is not', null).executeTakeFirstOrThrow();
  const { n: connected } = await count()
    .where(sql.ref('connected'), '=', sql`1`)
    .executeTakeFirstOrThrow();
  return { total: Number(all) - Number(gone), connected: Number(connected) };
}
