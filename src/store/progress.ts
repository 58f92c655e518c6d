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
    .select(['jobId', 'createdAt'])
    .where('jobId', 'in', jobIds)
    // Completed, a job stays as it is; canceled, its executions still come to their ends.
    .where('status', 'in', ['IN_PROGRESS', 'CANCELED'])
    .execute();
  const latest = await latestNotes(db, jobIds);
  const tooEarly = open.filter(({ jobId, createdAt }) => {
    const notedAt = latest.get(jobId)?.at ?? createdAt;
    return now - notedAt < sampleIntervalMs(now - createdAt);
  });
  const waiting = new Set(tooEarly.map(({ jobId }) => jobId));
  const due = open.map(({ jobId }) => jobId).filter((jobId) => !waiting.has(jobId));
  const countsOf = await readCounts(db, due);
  const notes = due
    .map((jobId) => ({ jobId, at: now, countsJson: JSON.stringify(countsOf(jobId)) }))
    .filter(({ jobId, countsJson }) => countsJson !== latest.get(jobId)?.countsJson);
  if (notes.length > 0) {
    await db
      .insertInto('job_progress')
      .values(notes)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  return jobIds.filter((jobId) => !waiting.has(jobId));
}

async function latestNotes(db: Queryable, jobIds: string[]) {
  const times = db
    .selectFrom('job_progress')
    .select(({ fn }) => ['jobId', fn.max('at').as('at')])
    .where('jobId', 'in', jobIds)
    .groupBy('jobId');
  const notes = await db
    .selectFrom(times.as('latest'))
    .innerJoin('job_progress', (join) =>
      join.onRef('job_progress.jobId', '=', 'latest.jobId').onRef('job_progress.at', '=', 'latest.at'),
    )
    .selectAll('job_progress')
    .execute();
  return new Map(notes.map((one) => [one.jobId, one]));
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
