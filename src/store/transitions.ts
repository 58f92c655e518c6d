/** What becomes of executions: written by the activities of their own workflow, each transition in one transaction. */
import { isDeepStrictEqual } from 'node:util';
import { notificationsFor, type Notifications } from '../domain/pending';
import { nextDeadline, type ExecutionState } from '../domain/execution';
import type { Cause, Launch } from '../domain/job';
import type { RepeatableRequest } from '../domain/repeats';
import { isTerminal, type ExecutionStatus } from '../domain/statuses';
import type { Db, Queryable } from './database';
import { appendEvents, type NewEvent } from './events';
import { findExecution, headOfList, pendingExecutions, requestHash, toJson } from './executions';
import type { ExecutionRow, TransitionRow } from './schema';
import { markLaunched, waitingAmong } from './targets';
import { unknownThings } from './things';
import { inTransaction, lockJob, lockThings } from './transaction';

const SHARDS = 16;
/** Of each attempt, the first transition and the latest ones are kept. */
export const TRANSITIONS_KEPT = 1_000;
/** A device may report for months; the reports between pay nothing for what is deleted. */
const TRIMMED_EVERY = 100;
const BOTH: Notifications = { list: true, head: true };

export interface QueuedPortion {
  /** False where the job was canceled or is being deleted: nothing more of it becomes visible. */
  jobGoesOn: boolean;
  /** Things that are no targets of the job any more. They have no execution. */
  discarded: string[];
  /** Things that were deleted meanwhile. Their executions are there, to be removed at once. */
  gone: string[];
}

/**
 * Launches targets: makes their executions visible, all at once. This transaction alone settles who is launched, so
 * that cancellations and things that leave their groups come before it or after it. Doing it again changes nothing.
 */
export async function queueExecutions(
  db: Db,
  portion: {
    jobId: string;
    /** Spreads the counts of a job over rows. */
    shard: number;
    launches: Launch[];
    state: ExecutionState;
    cause: Cause;
  },
): Promise<QueuedPortion> {
  const { jobId, launches } = portion;
  const namesOf = (some: Launch[]) => some.map(({ thingName }) => thingName);
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    const names = namesOf(launches);
    await lockThings(tx, names);
    const present = await readAttempts(tx, jobId, names);
    const isMissing = ({ thingName, executionNumber }: Launch) =>
      (present.get(thingName)?.executionNumber ?? 0) < executionNumber;
    const missing = launches.filter(isMissing);
    if (job?.dispatch !== 'ALL') return { jobGoesOn: false, discarded: namesOf(missing), gone: [] };

    const waiting = missing.length > 0 ? await waitingAmong(tx, jobId, namesOf(missing)) : new Set<string>();
    const fresh = missing.filter(({ thingName }) => waiting.has(thingName));
    if (fresh.length > 0) {
      const shard = portion.shard % SHARDS;
      await insertQueued(tx, portion, fresh, shard, job.createdAt);
      await markLaunched(tx, jobId, namesOf(fresh));
      const former = fresh.flatMap(({ thingName }) => present.get(thingName) ?? []);
      await changeCounts(tx, jobId, [
        { shard, status: 'QUEUED', n: fresh.length },
        ...former.map((row) => ({ shard: row.shard, status: row.status, n: -1 })),
      ]);
    }
    const discarded = namesOf(missing.filter(({ thingName }) => !waiting.has(thingName)));
    return { jobGoesOn: true, discarded, gone: await unknownThings(tx, names) };
  });
}

export interface TransitionRecord {
  jobId: string;
  thingName: string;
  from: ExecutionStatus;
  state: ExecutionState;
  cause: Cause;
  /** The report of the device that made it, where one did. */
  report?: RepeatableRequest;
}

export type Recorded =
  /**
   * It is in the store; `notifications` says what the device is to be told. Of a transition that was there already
   * nobody knows whether the device was told, so it is told again. `row` is the execution's latest.
   */
  | { outcome: 'recorded'; notifications: Notifications; row: ExecutionRow }
  /** The row that it belongs to is not there: not yet, or no longer. */
  | { outcome: 'notVisible' }
  /** Another transition was recorded under its version or ended it, and stands. `row` is where that has led. */
  | { outcome: 'taken'; row: ExecutionRow }
  /** A device may not take up what was QUEUED: the job was canceled or is being deleted. */
  | { outcome: 'jobCanceled' };

/**
 * Records a transition with the counts, in one transaction. Doing it again changes nothing: (execution,
 * versionNumber) is unique.
 */
export async function recordTransition(db: Db, record: TransitionRecord): Promise<Recorded> {
  const { jobId, thingName, state } = record;
  return inTransaction(db, async (tx) => {
    const job = isTakenUp(record) ? await lockJob(tx, jobId, 'share') : undefined;
    await lockThings(tx, [thingName]);
    const row = await findExecution(tx, jobId, thingName);
    if (!row || row.executionNumber < state.executionNumber) return { outcome: 'notVisible' };
    if (row.executionNumber > state.executionNumber) return { outcome: 'recorded', notifications: BOTH, row };
    if (row.versionNumber >= state.versionNumber)
      return (await isTaken(tx, transitionRow(record)))
        ? { outcome: 'taken', row }
        : { outcome: 'recorded', notifications: BOTH, row };
    if (isTerminal(row.status)) return { outcome: 'taken', row };
    if (job && job.dispatch !== 'ALL') return { outcome: 'jobCanceled' };

    const headBefore = await headOfList(tx, thingName);
    const transition = transitionRow(record);
    await tx.insertInto('transitions').values(transition).execute();
    await appendEvents(tx, [toEvent(transition)]);
    const changed = {
      versionNumber: state.versionNumber,
      status: state.status,
      statusDetailsJson: toJson(state.statusDetails),
      startedAt: state.startedAt ?? null,
      lastUpdatedAt: state.lastUpdatedAt,
      finishedAt: state.finishedAt ?? null,
      deadline: nextDeadline(state) ?? null,
    };
    await tx
      .updateTable('executions')
      .set(changed)
      .where('jobId', '=', jobId)
      .where('thingName', '=', thingName)
      .execute();
    if (state.versionNumber % TRIMMED_EVERY === 0) await trimTransitions(tx, record);
    const headAfter = (await pendingExecutions(tx, thingName, 1))[0]?.jobId;
    // Last, because others of the job wait for these rows.
    await changeCounts(tx, jobId, [
      { shard: row.shard, status: row.status, n: -1 },
      { shard: row.shard, status: state.status, n: 1 },
    ]);
    const change = { from: record.from, to: state.status, headBefore, headAfter };
    return { outcome: 'recorded', notifications: notificationsFor(change), row: { ...row, ...changed } };
  });
}

/** The job is held until the end of such a transaction: none commits after the cancellation of the job. */
function isTakenUp({ from, cause }: TransitionRecord): boolean {
  return from === 'QUEUED' && cause.by === 'device';
}

/** Whether another transition stands under the version of this one. When it was decided is no difference. */
async function isTaken(tx: Queryable, transition: TransitionRow): Promise<boolean> {
  const stored = await tx
    .selectFrom('transitions')
    .selectAll()
    .where('jobId', '=', transition.jobId)
    .where('thingName', '=', transition.thingName)
    .where('executionNumber', '=', transition.executionNumber)
    .where('versionNumber', '=', transition.versionNumber)
    .executeTakeFirst();
  return stored !== undefined && !isDeepStrictEqual({ ...stored, at: transition.at }, transition);
}

async function trimTransitions(tx: Queryable, { jobId, thingName, state }: TransitionRecord): Promise<void> {
  await tx
    .deleteFrom('transitions')
    .where('jobId', '=', jobId)
    .where('thingName', '=', thingName)
    .where('executionNumber', '=', state.executionNumber)
    .where('versionNumber', '>', 1)
    .where('versionNumber', '<=', state.versionNumber - TRANSITIONS_KEPT)
    .execute();
}

/** The device moved its step timer without a transition. */
export async function moveDeadline(
  db: Queryable,
  jobId: string,
  thingName: string,
  state: ExecutionState,
): Promise<void> {
  await db
    .updateTable('executions')
    .set({ deadline: nextDeadline(state) ?? null })
    .where('jobId', '=', jobId)
    .where('thingName', '=', thingName)
    .where('executionNumber', '=', state.executionNumber)
    .where('versionNumber', '=', state.versionNumber)
    .execute();
}

/** Takes a terminal execution's record away. @returns false where it is not there, or not terminal */
export async function deleteExecution(
  db: Db,
  jobId: string,
  thingName: string,
  now: number,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await lockThings(tx, [thingName]);
    const row = await findExecution(tx, jobId, thingName);
    if (!row || !isTerminal(row.status)) return false;
    await tx
      .deleteFrom('transitions')
      .where('jobId', '=', jobId)
      .where('thingName', '=', thingName)
      .execute();
    await tx.deleteFrom('executions').where('jobId', '=', jobId).where('thingName', '=', thingName).execute();
    await changeCounts(tx, jobId, [{ shard: row.shard, status: row.status, n: -1 }]);
    await appendEvents(tx, [{ type: 'execution.deleted', at: now, jobId, thingName }]);
    return true;
  });
}

async function readAttempts(tx: Queryable, jobId: string, names: string[]) {
  const rows = await tx
    .selectFrom('executions')
    .select(['thingName', 'executionNumber', 'status', 'shard'])
    .where('jobId', '=', jobId)
    .where('thingName', 'in', names)
    .execute();
  return new Map(rows.map((row) => [row.thingName, row]));
}

async function insertQueued(
  tx: Queryable,
  page: { jobId: string; state: ExecutionState; cause: Cause },
  launches: Launch[],
  shard: number,
  jobCreatedAt: number,
): Promise<void> {
  const { jobId, state, cause } = page;
  const row = {
    jobId,
    shard,
    versionNumber: state.versionNumber,
    status: state.status,
    statusDetailsJson: null,
    queuedAt: state.queuedAt,
    startedAt: null,
    lastUpdatedAt: state.lastUpdatedAt,
    finishedAt: state.finishedAt ?? null,
    deadline: nextDeadline(state) ?? null,
    jobCreatedAt,
  };
  await tx
    .insertInto('executions')
    .values(launches.map((launch) => ({ ...row, ...launch })))
    .onConflict((conflict) =>
      conflict.columns(['jobId', 'thingName']).doUpdateSet((eb) => ({
        executionNumber: eb.ref('excluded.executionNumber'),
        shard,
        versionNumber: row.versionNumber,
        status: row.status,
        statusDetailsJson: null,
        queuedAt: row.queuedAt,
        startedAt: null,
        lastUpdatedAt: row.lastUpdatedAt,
        finishedAt: row.finishedAt,
        deadline: row.deadline,
      })),
    )
    .execute();
  const transitions = launches.map(({ thingName, executionNumber }) =>
    transitionRow({ jobId, thingName, state: { ...state, executionNumber }, cause }),
  );
  await tx.insertInto('transitions').values(transitions).execute();
  await appendEvents(tx, transitions.map(toEvent));
}

function toEvent({
  jobId,
  thingName,
  at,
  executionNumber,
  versionNumber,
  from,
  to,
  by,
}: TransitionRow): NewEvent {
  return {
    type: 'execution.changed',
    at,
    jobId,
    thingName,
    data: { executionNumber, versionNumber, from, to, by },
  };
}

/** The record of a transition as it stands in the store. */
export function transitionRow(
  record: Omit<TransitionRecord, 'from'> & { from?: ExecutionStatus },
): TransitionRow {
  const { jobId, thingName, state, cause, report } = record;
  return {
    jobId,
    thingName,
    executionNumber: state.executionNumber,
    versionNumber: state.versionNumber,
    from: record.from ?? null,
    to: state.status,
    at: state.lastUpdatedAt,
    by: cause.by,
    reason: cause.reason ?? null,
    statusDetailsJson: toJson(state.statusDetails),
    requestHash: report ? requestHash(report) : null,
  };
}

interface CountChange {
  shard: number;
  status: ExecutionStatus;
  n: number;
}

/** In one statement and in the order of the key, so that two transactions never wait for each other. */
async function changeCounts(tx: Queryable, jobId: string, changes: CountChange[]): Promise<void> {
  const sums = new Map<string, CountChange>();
  for (const { shard, status, n } of changes) {
    const key = `${shard}/${status}`;
    sums.set(key, { shard, status, n: n + (sums.get(key)?.n ?? 0) });
  }
  const rows = [...sums.values()]
    .filter(({ n }) => n !== 0)
    .sort((a, b) => a.shard - b.shard || (a.status < b.status ? -1 : 1))
    .map((change) => ({ jobId, ...change }));
  if (rows.length === 0) return;
  await tx
    .insertInto('job_counts')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['jobId', 'shard', 'status']).doUpdateSet((eb) => ({
        n: eb('job_counts.n', '+', eb.ref('excluded.n')),
      })),
    )
    .execute();
}
