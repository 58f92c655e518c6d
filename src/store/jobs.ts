/** Writing jobs: called by the activities of the job's own workflow. Reading them: job-queries.ts. */
import { sql, type Updateable } from 'kysely';
import type { Dispatch, JobStatus } from '../domain/statuses';
import type { Cause, NewJobRequest } from '../domain/job';
import { foldName } from '../domain/search';
import type { Db, Queryable } from './database';
import { appendEvents } from './events';
import { unknownGroups } from './groups';
import type { JobRow, JobsTable } from './schema';
import { unknownThings } from './things';
import { inSnapshot, inTransaction, lockJob } from './transaction';
import { executionPage } from './executions';

/** SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535. */
const NAMES_PER_STATEMENT = 1_000;

export interface CreatedJob {
  /** Its targets stand in the queue at the positions below this. */
  queueEnd: number;
}

/** Thrown by `createJob`; nothing was created. */
export class UnknownTargets extends Error {
  constructor(
    readonly thingNames: string[],
    readonly thingGroupNames: string[],
  ) {
    super('The targets hold unknown names.');
  }
}

/**
 * Resolves the targets and makes the job in one transaction. Doing it again returns the job as it was made first.
 * Targets and cursor are of one state of the store: who joins later comes after the cursor.
 * @throws UnknownTargets
 */
export async function createJob(db: Db, request: NewJobRequest, now: number): Promise<CreatedJob> {
  return inSnapshot(db, async (tx) => {
    const existing = await findJobState(tx, request.jobId);
    if (existing) return { queueEnd: existing.queueEnd };

    const unknown = await unknownTargets(tx, request.targets);
    if (unknown) throw unknown;

    const explicit = [...new Set(request.targets.thingNames)];
    await insertNamedTargets(tx, request.jobId, explicit);
    await insertGroupTargets(tx, request.jobId, request.targets.thingGroupNames, explicit.length);
    const thingCount = await countTargets(tx, request.jobId);
    if (request.jobType === 'CONTINUOUS') await watchGroups(tx, request);

    const { jobId, jobType, name = null } = request;
    const status = jobType === 'SNAPSHOT' && thingCount === 0 ? 'COMPLETED' : 'IN_PROGRESS';
    await tx
      .insertInto('jobs')
      .values({
        jobId,
        name,
        foldedName: foldName(name ?? ''),
        jobType,
        status,
        dispatch: 'ALL',
        description: request.description ?? null,
        documentJson: request.documentJson,
        thingNamesJson: JSON.stringify(request.targets.thingNames),
        groupNamesJson: JSON.stringify(request.targets.thingGroupNames),
        thingCount,
        queueEnd: thingCount,
        timeoutConfigJson: JSON.stringify(request.timeoutConfig),
        membershipSeq: await membershipSeq(tx),
        createdBy: request.createdBy,
        requestHash: request.requestHash ?? null,
        createdAt: now,
        lastUpdatedAt: now,
        completedAt: status === 'COMPLETED' ? now : null,
      })
      .execute();
    await appendEvents(tx, [{ type: 'job.created', at: now, jobId, data: { name, jobType, status } }]);
    return { queueEnd: thingCount };
  });
}

/** How many things the targets reach now, each counted once. */
export async function countReached(
  db: Queryable,
  { thingNames, thingGroupNames }: NewJobRequest['targets'],
): Promise<number> {
  const named = new Set(thingNames);
  if (thingGroupNames.length === 0) return named.size;
  const members = () =>
    db.selectFrom('thing_group_members').select('thingName').where('groupName', 'in', thingGroupNames);
  const { n } = await db
    .selectFrom(members().distinct().as('members'))
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  let both = 0;
  for (const names of chunks([...named])) {
    both += new Set((await members().where('thingName', 'in', names).execute()).map((row) => row.thingName))
      .size;
  }
  return Number(n) + named.size - both;
}

/** The names among the targets that nothing is registered under, or undefined where all are known. */
async function unknownTargets(
  db: Queryable,
  targets: NewJobRequest['targets'],
): Promise<UnknownTargets | undefined> {
  const things = await unknownThings(db, targets.thingNames);
  const groups = await unknownGroups(db, targets.thingGroupNames);
  return things.length + groups.length > 0 ? new UnknownTargets(things, groups) : undefined;
}

const JOB_STATE = [
  'status',
  'dispatch',
  'queueEnd',
  'membershipSeq',
  'canceledBy',
  'reasonCode',
  'comment',
  'createdAt',
] as const;

export type JobState = Pick<JobRow, (typeof JOB_STATE)[number]>;

/** Where a job stands. Without its document and its targets, which can be large: every report of a device asks this. */
export async function findJobState(db: Queryable, jobId: string): Promise<JobState | undefined> {
  return db.selectFrom('jobs').select(JOB_STATE).where('jobId', '=', jobId).executeTakeFirst();
}

export interface JobCancellation {
  by: string;
  dispatch: Exclude<Dispatch, 'ALL'>;
  reasonCode?: string;
  comment?: string;
}

/**
 * Closes the job to its devices. One that was canceled without force can still be canceled with it, as long as devices
 * are at work.
 * @returns false where nothing is left to stop; nothing is changed then
 */
export async function cancelJob(
  db: Db,
  jobId: string,
  cancellation: JobCancellation,
  now: number,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    if (job?.status === 'IN_PROGRESS') {
      const { by, dispatch, reasonCode = null, comment = null } = cancellation;
      const changes = { dispatch, canceledBy: by, reasonCode, comment, completedAt: now };
      await changeStatus(tx, jobId, { to: 'CANCELED', by }, now, changes);
      return true;
    }
    const isRaised = job?.dispatch === 'STARTED' && cancellation.dispatch === 'NONE';
    if (!isRaised || !(await hasStarted(tx, jobId))) return false;
    const { by, dispatch, reasonCode, comment } = cancellation;
    await changeStatus(tx, jobId, { to: 'CANCELED', by }, now, {
      dispatch,
      canceledBy: by,
      reasonCode,
      comment,
    });
    return true;
  });
}

async function hasStarted(tx: Queryable, jobId: string): Promise<boolean> {
  return (await executionPage(tx, jobId, 'IN_PROGRESS', '', 1)).length > 0;
}

/** @returns the status in which the job is then; undefined where it is gone */
export async function completeJob(db: Db, jobId: string, now: number): Promise<JobStatus | undefined> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    if (job?.status !== 'IN_PROGRESS') return job?.status;
    await changeStatus(tx, jobId, { to: 'COMPLETED' }, now, { completedAt: now });
    return 'COMPLETED';
  });
}

/**
 * From here on nothing of the job is launched and no device sees any of it. Doing it again changes nothing.
 * @param force also where the job is IN_PROGRESS
 * @returns the status in which the job was; undefined where there is no such job
 */
export async function markJobDeleted(
  db: Db,
  jobId: string,
  { by, force }: { by: string; force: boolean },
  now: number,
): Promise<JobStatus | undefined> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, jobId, 'update');
    const mayGo = job && job.status !== 'DELETION_IN_PROGRESS' && (force || job.status !== 'IN_PROGRESS');
    if (mayGo) await changeStatus(tx, jobId, { to: 'DELETION_IN_PROGRESS', by }, now, { dispatch: 'NONE' });
    return job?.status;
  });
}

async function changeStatus(
  tx: Queryable,
  jobId: string,
  { to, by }: { to: JobStatus; by?: string },
  now: number,
  changes: Updateable<JobsTable>,
): Promise<void> {
  await tx
    .updateTable('jobs')
    .set({ ...changes, status: to, lastUpdatedAt: now })
    .where('jobId', '=', jobId)
    .execute();
  await appendEvents(tx, [{ type: 'job.updated', at: now, jobId, data: { status: to, by } }]);
}

/** Tables with a row for each of a job's things, by the order in which they are emptied. */
const ROWS_OF_JOB = ['transitions', 'executions', 'job_targets'] as const;

/**
 * Removes a job's records and targets, things in the order of their names, a bounded number in one transaction.
 * @param after the last thing that is gone already
 * @returns the last thing that went with it; undefined where none is left
 */
export async function deleteRecordPage(
  db: Db,
  jobId: string,
  after: string,
  limit: number,
): Promise<string | undefined> {
  return inTransaction(db, async (tx) => {
    const namesIn = (table: 'executions' | 'job_targets') =>
      tx
        .selectFrom(table)
        .select('thingName')
        .where('jobId', '=', jobId)
        .where('thingName', '>', after)
        .orderBy('thingName')
        .limit(limit)
        .execute();
    const rows = [...(await namesIn('executions')), ...(await namesIn('job_targets'))];
    // Those of both that come first, so that none is passed over.
    const names = [...new Set(rows.map(({ thingName }) => thingName))].sort().slice(0, limit);
    const last = names.at(-1);
    if (last === undefined) return undefined;
    for (const table of ROWS_OF_JOB)
      await tx.deleteFrom(table).where('jobId', '=', jobId).where('thingName', 'in', names).execute();
    return last;
  });
}

/** The job's row and what hangs on it; its records are gone already. */
export async function deleteJobRow(db: Db, jobId: string, now: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const own = tx.selectFrom('jobs').select('name').where('jobId', '=', jobId);
    const job = await own.forUpdate().executeTakeFirst();
    if (!job) return;
    for (const table of ['job_progress', 'job_groups', 'job_counts', 'jobs'] as const)
      await tx.deleteFrom(table).where('jobId', '=', jobId).execute();
    await appendEvents(tx, [{ type: 'job.deleted', at: now, jobId, data: { name: job.name } }]);
  });
}

/** Open CONTINUOUS jobs that watch one of the groups; of all groups where none is given. */
export async function watchingJobs(db: Queryable, groupNames?: readonly string[]): Promise<string[]> {
  const watching = db
    .selectFrom('job_groups')
    .innerJoin('jobs', 'jobs.jobId', 'job_groups.jobId')
    .select('jobs.jobId')
    .distinct()
    .where('jobs.status', '=', 'IN_PROGRESS');
  const rows = await (
    groupNames ? watching.where('job_groups.groupName', 'in', groupNames) : watching
  ).execute();
  return rows.map(({ jobId }) => jobId);
}

/** The last number that the membership log has given out. */
export async function membershipSeq(db: Queryable): Promise<number> {
  const { seq } = await db
    .selectFrom('membership_clock')
    .select('seq')
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  return seq;
}

async function insertNamedTargets(tx: Queryable, jobId: string, thingNames: string[]): Promise<void> {
  let position = 0;
  for (const names of chunks(thingNames)) {
    const rows = names.map((thingName) => ({
      jobId,
      thingName,
      position: position++,
      explicit: 1,
      state: 'WAITING' as const,
    }));
    await tx.insertInto('job_targets').values(rows).execute();
  }
}

async function insertGroupTargets(
  tx: Queryable,
  jobId: string,
  groupNames: string[],
  from: number,
): Promise<void> {
  if (groupNames.length === 0) return;
  await sql`
    insert into job_targets (${sql.ref('jobId')}, ${sql.ref('thingName')}, ${sql.ref('position')}, ${sql.ref('explicit')}, ${sql.ref('state')})
    select ${jobId}, ${sql.ref('members.thingName')},
           cast(${from} as integer) + row_number() over (order by ${sql.ref('members.thingName')}) - 1, 0, 'WAITING'
    from (
      select distinct m.${sql.ref('thingName')} from thing_group_members m
      where m.${sql.ref('groupName')} in (${sql.join(groupNames)})
        and not exists (
          select 1 from job_targets t where t.${sql.ref('jobId')} = ${jobId} and t.${sql.ref('thingName')} = m.${sql.ref('thingName')}
        )
    ) as members`.execute(tx);
}

async function countTargets(tx: Queryable, jobId: string): Promise<number> {
  const { n } = await tx
    .selectFrom('job_targets')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('jobId', '=', jobId)
    .executeTakeFirstOrThrow();
  return Number(n);
}

async function watchGroups(tx: Queryable, request: NewJobRequest): Promise<void> {
  const rows = [...new Set(request.targets.thingGroupNames)].map((groupName) => ({
    jobId: request.jobId,
    groupName,
    endSeq: null,
  }));
  if (rows.length > 0) await tx.insertInto('job_groups').values(rows).execute();
}

function chunks<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let i = 0; i < items.length; i += NAMES_PER_STATEMENT)
    pieces.push(items.slice(i, i + NAMES_PER_STATEMENT));
  return pieces;
}

/** Who ended a whole job and why, as it stands in the transitions of its executions. */
export function cancelCause(job: JobState): Cause {
  if (job.status === 'DELETION_IN_PROGRESS') return { by: 'muster', reason: 'The job is being deleted.' };
  const reason = [job.reasonCode, job.comment].filter((part) => part !== null).join(': ');
  return { by: job.canceledBy ?? 'muster', reason: reason || 'The job was canceled.' };
}
