/** Writing jobs: called by the activities of the job's own workflow. Reading them: job-queries.ts. */
import { sql, type Updateable } from 'kysely';
import type { Dispatch, JobStatus } from '../domain/statuses';
import type { Cause, NewJobRequest } from '../domain/job';
import type { Db, Queryable } from './database';
import { appendEvents } from './events';
import { unknownGroups } from './groups';
import type { JobRow, JobsTable } from './schema';
import { unknownThings } from './things';
import { inSnapshot, inTransaction } from './transaction';

/** SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535. */
const NAMES_PER_STATEMENT = 1_000;

export interface CreatedJob {
  /** Things to launch at first; they are cut into pages by position. */
  thingCount: number;
  createdAt: number;
  /** Where a CONTINUOUS job begins to read the membership log. */
  cursor: number;
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
    if (existing)
      return {
        thingCount: existing.thingCount,
        createdAt: existing.createdAt,
        cursor: existing.membershipSeq,
      };

    const unknown = await unknownTargets(tx, request.targets);
    if (unknown) throw unknown;

    const explicit = [...new Set(request.targets.thingNames)];
    await insertNamedTargets(tx, request.jobId, explicit);
    await insertGroupTargets(tx, request.jobId, request.targets.thingGroupNames, explicit.length);
    const thingCount = await countTargets(tx, request.jobId);
    if (request.jobType === 'CONTINUOUS') await watchGroups(tx, request);

    const cursor = await membershipSeq(tx);
    const { jobId, jobType, name = null } = request;
    const status = jobType === 'SNAPSHOT' && thingCount === 0 ? 'COMPLETED' : 'IN_PROGRESS';
    await tx
      .insertInto('jobs')
      .values({
        jobId,
        name,
        jobType,
        status,
        dispatch: 'ALL',
        description: request.description ?? null,
        documentJson: JSON.stringify(request.document),
        thingNamesJson: JSON.stringify(request.targets.thingNames),
        groupNamesJson: JSON.stringify(request.targets.thingGroupNames),
        thingCount,
        timeoutConfigJson: JSON.stringify(request.timeoutConfig),
        membershipSeq: cursor,
        createdBy: request.createdBy,
        requestHash: request.requestHash ?? null,
        createdAt: now,
        lastUpdatedAt: now,
        completedAt: status === 'COMPLETED' ? now : null,
      })
      .execute();
    await appendEvents(tx, [{ type: 'job.created', at: now, jobId, data: { name, jobType, status } }]);
    return { thingCount, createdAt: now, cursor };
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
  'thingCount',
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

/** @returns false where the job was not IN_PROGRESS; nothing is changed then */
export async function cancelJob(
  db: Db,
  jobId: string,
  { by, dispatch, reasonCode, comment }: JobCancellation,
  now: number,
): Promise<boolean> {
  return changeStatus(db, jobId, { from: ['IN_PROGRESS'], to: 'CANCELED', by }, now, {
    dispatch,
    canceledBy: by,
    reasonCode: reasonCode ?? null,
    comment: comment ?? null,
    completedAt: now,
  });
}

export async function completeJob(db: Db, jobId: string, now: number): Promise<void> {
  await changeStatus(db, jobId, { from: ['IN_PROGRESS'], to: 'COMPLETED' }, now, { completedAt: now });
}

/** From here on nothing of the job is launched and no device sees any of it. */
export async function markJobDeleted(db: Db, jobId: string, by: string, now: number): Promise<void> {
  const from: JobStatus[] = ['IN_PROGRESS', 'COMPLETED', 'CANCELED'];
  await changeStatus(db, jobId, { from, to: 'DELETION_IN_PROGRESS', by }, now, { dispatch: 'NONE' });
}

/** @returns false where the job was in none of the statuses `from`; nothing is changed then */
async function changeStatus(
  db: Db,
  jobId: string,
  { from, to, by }: { from: JobStatus[]; to: JobStatus; by?: string },
  now: number,
  changes: Updateable<JobsTable>,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('jobs')
      .set({ ...changes, status: to, lastUpdatedAt: now })
      .where('jobId', '=', jobId)
      .where('status', 'in', from)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await appendEvents(tx, [{ type: 'job.updated', at: now, jobId, data: { status: to, by } }]);
    return true;
  });
}

/** Removes one page of a job's execution records with their transitions. @returns how many there were */
export async function deleteExecutionPage(db: Db, jobId: string, limit: number): Promise<number> {
  return inTransaction(db, async (tx) => {
    const page = await tx
      .selectFrom('executions')
      .select('thingName')
      .where('jobId', '=', jobId)
      .orderBy('thingName')
      .limit(limit)
      .execute();
    const names = page.map(({ thingName }) => thingName);
    if (names.length === 0) return 0;
    await tx.deleteFrom('transitions').where('jobId', '=', jobId).where('thingName', 'in', names).execute();
    await tx.deleteFrom('executions').where('jobId', '=', jobId).where('thingName', 'in', names).execute();
    return names.length;
  });
}

/** The job's row and everything that hangs on it but its executions, which are gone already. */
export async function deleteJobRow(db: Db, jobId: string, now: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const own = tx.selectFrom('jobs').select('name').where('jobId', '=', jobId);
    const job = await own.forUpdate().executeTakeFirst();
    if (!job) return;
    await tx.deleteFrom('job_progress').where('jobId', '=', jobId).execute();
    await tx.deleteFrom('job_targets').where('jobId', '=', jobId).execute();
    await tx.deleteFrom('job_groups').where('jobId', '=', jobId).execute();
    await tx.deleteFrom('job_counts').where('jobId', '=', jobId).execute();
    await tx.deleteFrom('jobs').where('jobId', '=', jobId).execute();
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
    const rows = names.map((thingName) => ({ jobId, thingName, position: position++, explicit: 1 }));
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
    insert into job_targets (${sql.ref('jobId')}, ${sql.ref('thingName')}, ${sql.ref('position')}, ${sql.ref('explicit')})
    select ${jobId}, ${sql.ref('members.thingName')},
           cast(${from} as integer) + row_number() over (order by ${sql.ref('members.thingName')}) - 1, 0
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
