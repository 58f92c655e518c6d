/** How jobs go on: their counts are noted now and then, while something changes. */
import { type Position } from '../domain/events';
import { MAX_PROGRESS_POINTS } from '../domain/limits';
import { sampleIntervalMs, thinned } from '../domain/progress';
import { noExecutions, type ExecutionCounts } from '../domain/statuses';
import type { Db, Queryable } from './database';
import { jobsWithChanges, latestPosition } from './events';
import { findJob, readCounts } from './job-queries';

export interface ProgressPoint {
  at: number;
  executionCounts: ExecutionCounts;
}

/** Jobs looked at in one statement. */
const JOBS_AT_ONCE = 500;

/**
 * Notes the counts of jobs that have changed, each as often as its age asks for. Several processes may do so at the
 * same time: what one has noted the others find noted.
 * @returns what to call every few seconds
 */
export function createProgressSampler(db: Db): (now: number) => Promise<void> {
  let seen: Position | undefined;
  /** Changed, but noted a moment ago. */
  const waiting = new Set<string>();

  return async (now) => {
    const latest = await latestPosition(db);
    for (const jobId of await jobsWithChanges(db, seen ?? latest, latest)) waiting.add(jobId);
    seen = latest;
    const jobIds = [...waiting];
    for (let from = 0; from < jobIds.length; from += JOBS_AT_ONCE) {
      const settled = await noteDue(db, jobIds.slice(from, from + JOBS_AT_ONCE), now);
      for (const jobId of settled) waiting.delete(jobId);
    }
  };
}

/** @returns the jobs for which nothing is left to note */
async function noteDue(db: Db, jobIds: string[], now: number): Promise<string[]> {
  const open = await db
    .selectFrom('jobs')
    .leftJoin('job_progress', 'job_progress.jobId', 'jobs.jobId')
    .select(({ fn }) => ['jobs.jobId', 'jobs.createdAt', fn.max('job_progress.at').as('notedAt')])
    .where('jobs.jobId', 'in', jobIds)
    // Completed, a job stays as it is; canceled, its executions still come to their ends.
    .where('jobs.status', 'in', ['IN_PROGRESS', 'CANCELED'])
    .groupBy(['jobs.jobId', 'jobs.createdAt'])
    .execute();
  const due = open
    .filter(({ createdAt, notedAt }) => now - (notedAt ?? createdAt) >= sampleIntervalMs(now - createdAt))
    .map(({ jobId }) => jobId);
  await note(db, due, now);
  const still = new Set(open.map(({ jobId }) => jobId));
  return [...due, ...jobIds.filter((jobId) => !still.has(jobId))];
}

async function note(db: Queryable, jobIds: string[], at: number): Promise<void> {
  if (jobIds.length === 0) return;
  const countsOf = await readCounts(db, jobIds);
  await db
    .insertInto('job_progress')
    .values(jobIds.map((jobId) => ({ jobId, at, countsJson: JSON.stringify(countsOf(jobId)) })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Oldest first: from the creation, when nothing was launched, to now, or to the end of the job.
 * @throws MusterError JobNotFound
 */
export async function readProgress(db: Queryable, jobId: string, now: number): Promise<ProgressPoint[]> {
  const { createdAt, completedAt, executionCounts } = await findJob(db, jobId);
  const notes = await db
    .selectFrom('job_progress')
    .select(['at', 'countsJson'])
    .where('jobId', '=', jobId)
    .orderBy('at')
    .execute();
  const points = notes.map(({ at, countsJson }) => ({
    at,
    executionCounts: JSON.parse(countsJson) as ExecutionCounts,
  }));
  const begin = { at: createdAt, executionCounts: noExecutions() };
  const end = { at: Math.max(completedAt ?? now, notes.at(-1)?.at ?? createdAt), executionCounts };
  const earlier = [begin, ...points].filter(({ at }) => at < end.at);
  return thinned([...earlier, end], MAX_PROGRESS_POINTS);
}
