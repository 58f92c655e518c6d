/**
 * The queue of a job: its targets by position. A SNAPSHOT keeps those it was created with; in a CONTINUOUS job they come
 * and go. A target is WAITING until it is launched, which only `queueExecutions` does (transitions.ts).
 */
import { sql } from 'kysely';
import type { Launch } from '../domain/job';
import type { Db, Queryable } from './database';
import { inTransaction, lockJob } from './transaction';

/** What the queue takes up in the job's row. */
interface QueueChange {
  targets: number;
  launched: number;
}

/** Targets at positions from `first` to below `end` that are still to be launched, with the number of their next attempt. */
export async function readTargets(
  db: Queryable,
  { jobId, first, end }: { jobId: string; first: number; end: number },
): Promise<Launch[]> {
  const rows = await db
    .selectFrom('job_targets as target')
    .leftJoin('executions as former', (join) =>
      join.onRef('former.jobId', '=', 'target.jobId').onRef('former.thingName', '=', 'target.thingName'),
    )
    .select(['target.thingName', 'former.executionNumber'])
    .where('target.jobId', '=', jobId)
    .where('target.position', '>=', first)
    .where('target.position', '<', end)
    .where(sql<boolean>`${sql.ref('target.state')} = 'WAITING'`)
    .orderBy('target.position')
    .execute();
  return rows.map(({ thingName, executionNumber }) => ({
    thingName,
    executionNumber: (executionNumber ?? 0) + 1,
  }));
}

export async function isWaitingTarget(db: Queryable, jobId: string, thingName: string): Promise<boolean> {
  return (await waitingAmong(db, jobId, [thingName])).has(thingName);
}

/** Those of the things that the job has still to launch. */
export async function waitingAmong(
  db: Queryable,
  jobId: string,
  thingNames: readonly string[],
): Promise<Set<string>> {
  const rows = await db
    .selectFrom('job_targets')
    .select('thingName')
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .where('state', '=', 'WAITING')
    .execute();
  return new Set(rows.map(({ thingName }) => thingName));
}

/** In the transaction that makes their executions visible, which holds the job. */
export async function markLaunched(tx: Queryable, jobId: string, thingNames: string[]): Promise<void> {
  await tx
    .updateTable('job_targets')
    .set({ state: 'LAUNCHED' })
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .execute();
  await changeQueue(tx, jobId, { targets: 0, launched: thingNames.length });
}

/**
 * Things that have left a CONTINUOUS job: those that wait are targets no longer.
 * @returns those that were launched already
 */
export async function takeOutWaiting(db: Db, jobId: string, thingNames: string[]): Promise<string[]> {
  if (thingNames.length === 0) return [];
  return inTransaction(db, async (tx) => {
    await lockJob(tx, jobId, 'update');
    const waiting = await waitingAmong(tx, jobId, thingNames);
    await deleteTargets(tx, jobId, [...waiting], { targets: -waiting.size, launched: 0 });
    return thingNames.filter((name) => !waiting.has(name));
  });
}

/** Things that have left a CONTINUOUS job after they were launched. */
export async function removeLaunched(db: Db, jobId: string, thingNames: string[]): Promise<void> {
  if (thingNames.length === 0) return;
  await inTransaction(db, async (tx) => {
    await lockJob(tx, jobId, 'update');
    const names = [...(await targetsAmong(tx, jobId, thingNames))];
    await deleteTargets(tx, jobId, names, { targets: -names.length, launched: -names.length });
  });
}

/**
 * Appends things that have joined to the queue, and notes how far the membership log was read. One that is still at work
 * on its former attempt gets nothing more. Things that are targets already stay as they are.
 * @returns the end of the queue
 */
export async function appendTargets(
  db: Db,
  jobId: string,
  thingNames: string[],
  membershipSeq: number,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    if (job?.status !== 'IN_PROGRESS') return 0;
    const known = await targetsAmong(tx, jobId, thingNames);
    const atWork = await startedAmong(tx, jobId, thingNames);
    const rows = thingNames
      .filter((name) => !known.has(name))
      .map((thingName, i) => ({
        jobId,
        thingName,
        position: job.queueEnd + i,
        explicit: 0,
        state: atWork.has(thingName) ? ('LAUNCHED' as const) : ('WAITING' as const),
      }));
    if (rows.length > 0) await tx.insertInto('job_targets').values(rows).execute();
    const queueEnd = job.queueEnd + rows.length;
    const launched = rows.filter(({ state }) => state === 'LAUNCHED').length;
    await tx.updateTable('jobs').set({ queueEnd, membershipSeq }).where('jobId', '=', jobId).execute();
    await changeQueue(tx, jobId, { targets: rows.length, launched });
    return queueEnd;
  });
}

/**
 * Puts targets at the end of the queue that could not be launched yet.
 * @returns the end of the queue
 */
export async function putBackTargets(db: Db, jobId: string, thingNames: string[]): Promise<number> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    let queueEnd = job?.queueEnd ?? 0;
    for (const thingName of await waitingAmong(tx, jobId, thingNames)) {
      await tx
        .updateTable('job_targets')
        .set({ position: queueEnd++ })
        .where('jobId', '=', jobId)
        .where('thingName', '=', thingName)
        .execute();
    }
    await tx.updateTable('jobs').set({ queueEnd }).where('jobId', '=', jobId).execute();
    return queueEnd;
  });
}

/**
 * Takes a thing that is gone out of the CONTINUOUS jobs that name it: another one of its name is another target. A
 * SNAPSHOT goes on telling which things it was for.
 */
export async function forgetThing(tx: Queryable, thingName: string): Promise<void> {
  const targets = await tx
    .selectFrom('job_targets')
    .innerJoin('jobs', 'jobs.jobId', 'job_targets.jobId')
    .select(['jobs.jobId', 'job_targets.state'])
    .where('job_targets.thingName', '=', thingName)
    .where('jobs.jobType', '=', 'CONTINUOUS')
    .orderBy('jobs.jobId')
    .forNoKeyUpdate('jobs')
    .execute();
  for (const { jobId, state } of targets)
    await deleteTargets(tx, jobId, [thingName], { targets: -1, launched: state === 'LAUNCHED' ? -1 : 0 });
}

async function deleteTargets(
  tx: Queryable,
  jobId: string,
  thingNames: string[],
  change: QueueChange,
): Promise<void> {
  if (thingNames.length === 0) return;
  await tx
    .deleteFrom('job_targets')
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .execute();
  await changeQueue(tx, jobId, change);
}

async function changeQueue(tx: Queryable, jobId: string, { targets, launched }: QueueChange): Promise<void> {
  if (targets === 0 && launched === 0) return;
  await tx
    .updateTable('jobs')
    .set((eb) => ({
      thingCount: eb('thingCount', '+', targets),
      launchedCount: eb('launchedCount', '+', launched),
    }))
    .where('jobId', '=', jobId)
    .execute();
}

async function targetsAmong(tx: Queryable, jobId: string, thingNames: string[]): Promise<Set<string>> {
  if (thingNames.length === 0) return new Set();
  const rows = await tx
    .selectFrom('job_targets')
    .select('thingName')
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .execute();
  return new Set(rows.map(({ thingName }) => thingName));
}

async function startedAmong(tx: Queryable, jobId: string, thingNames: string[]): Promise<Set<string>> {
  if (thingNames.length === 0) return new Set();
  const rows = await tx
    .selectFrom('executions')
    .select('thingName')
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .where('status', '=', 'IN_PROGRESS')
    .execute();
  return new Set(rows.map(({ thingName }) => thingName));
}
