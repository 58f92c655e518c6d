/** What the REST API reads of jobs and executions. Writing them: jobs.ts and transitions.ts. */
import { sql } from 'kysely';
import { MusterError } from '../contract/errors';
import type { StatusDetails, TimeoutConfig } from '../domain/execution';
import { JsonText } from '../domain/json-text';
import {
  noExecutions,
  type ExecutionCounts,
  type ExecutionStatus,
  type JobStatus,
  type JobType,
  type TargetCounts,
  type TargetState,
} from '../domain/statuses';
import type { Queryable } from './database';
import { fromJson } from './executions';
import { TRANSITIONS_KEPT } from './transitions';
import {
  endOfPrefix,
  NAME_KEY,
  POSITION_KEY,
  readCursor,
  TIME_KEY,
  toPage,
  type Page,
  type PageRequest,
} from './paging';
import type { ExecutionRow, JobRow, TransitionRow } from './schema';
import { holds, readInSlices, type Range } from './search';

export interface JobSummary {
  jobId: string;
  name: string | null;
  jobType: JobType;
  status: JobStatus;
  forceCanceled: boolean;
  targets: { thingCount: number; thingGroupNames: string[] };
  createdAt: number;
  lastUpdatedAt: number;
  completedAt: number | null;
  executionCounts: ExecutionCounts;
  targetCounts: TargetCounts;
}

export interface JobDetail extends Omit<JobSummary, 'targets'> {
  description: string | null;
  /** As the operator gave them. */
  targets: { thingNames: string[]; thingGroupNames: string[] };
  document: JsonText;
  timeoutConfig: TimeoutConfig;
  reasonCode: string | null;
  comment: string | null;
  createdBy: string;
}

export interface Execution {
  jobId: string;
  thingName: string;
  status: ExecutionStatus;
  statusDetails: StatusDetails | null;
  versionNumber: number;
  executionNumber: number;
  queuedAt: number;
  startedAt: number | null;
  lastUpdatedAt: number;
  finishedAt: number | null;
}

/** A thing that a job is for. */
export interface Target {
  thingName: string;
  state: TargetState;
}

export interface ExecutionWithJobName extends Execution {
  jobName: string | null;
}

export interface Transition {
  versionNumber: number;
  executionNumber: number;
  from: ExecutionStatus | null;
  to: ExecutionStatus;
  at: number;
  by: string;
  reason: string | null;
  statusDetails: StatusDetails | null;
}

export interface JobFilter {
  status?: JobStatus;
  jobType?: JobType;
  /** What the name holds, in upper or lower case. */
  name?: string;
}

export interface ExecutionFilter {
  status?: ExecutionStatus;
  thingNamePrefix?: string;
  /** What the name of the thing holds, in upper or lower case. */
  search?: string;
}

interface JobKey {
  createdAt: number;
  jobId: string;
}

/** Newest first. */
export async function listJobs(
  db: Queryable,
  filter: JobFilter,
  page: PageRequest,
): Promise<Page<JobSummary>> {
  const before = readCursor(page.cursor, TIME_KEY);
  const { status, jobType, name } = filter;
  const inRange = ({ after, end }: Range<JobKey>) => {
    let query = db.selectFrom('jobs');
    if (status) query = query.where('status', '=', status);
    if (jobType) query = query.where('jobType', '=', jobType);
    if (after)
      query = query.where((eb) =>
        eb(eb.refTuple('createdAt', 'jobId'), '<', eb.tuple(after.createdAt, after.jobId)),
      );
    if (end)
      query = query.where((eb) =>
        eb(eb.refTuple('createdAt', 'jobId'), '>=', eb.tuple(end.createdAt, end.jobId)),
      );
    return query.orderBy('createdAt', 'desc').orderBy('jobId', 'desc');
  };
  const keys = (range: Range<JobKey>) => inRange(range).select(['createdAt', 'jobId']);
  const read = (range: Range<JobKey>, limit: number) => {
    const query = keys(range).limit(limit);
    return (name ? query.where(holds(sql.ref('foldedName'), name)) : query).execute();
  };
  const from = { after: before && { createdAt: before[0], jobId: before[1] }, limit: page.limit + 1 };
  const found = name ? await readInSlices(db, from, keys, read) : await read(from, from.limit);
  const { items, nextCursor } = toPage(found, page.limit, (key) => [key.createdAt, key.jobId]);
  const jobIds = items.map(({ jobId }) => jobId);
  return { items: await findJobSummaries(db, jobIds), nextCursor };
}

/** Newest first. */
export async function findJobSummaries(db: Queryable, jobIds: string[]): Promise<JobSummary[]> {
  const rows = await db
    .selectFrom('jobs')
    .select(SUMMARY)
    .where('jobId', 'in', jobIds)
    .orderBy('createdAt', 'desc')
    .orderBy('jobId', 'desc')
    .execute();
  return withCounts(db, rows);
}

const SUMMARY = [
  ...(['jobId', 'name', 'jobType', 'status', 'dispatch', 'groupNamesJson'] as const),
  ...(['thingCount', 'launchedCount', 'createdAt', 'lastUpdatedAt', 'completedAt'] as const),
] as const;

type SummaryRow = Pick<JobRow, (typeof SUMMARY)[number]>;

async function withCounts(db: Queryable, rows: SummaryRow[]): Promise<JobSummary[]> {
  const countsOf = await readCounts(
    db,
    rows.map(({ jobId }) => jobId),
  );
  return rows.map(({ groupNamesJson, dispatch, thingCount, launchedCount, ...job }) => ({
    ...job,
    forceCanceled: isForceCanceled({ status: job.status, dispatch }),
    targets: { thingCount, thingGroupNames: JSON.parse(groupNamesJson) as string[] },
    targetCounts: targetCounts({ thingCount, launchedCount }),
    executionCounts: countsOf(job.jobId),
  }));
}

/** @throws MusterError JobNotFound */
export async function findJob(db: Queryable, jobId: string): Promise<JobDetail> {
  const row = await db.selectFrom('jobs').selectAll().where('jobId', '=', jobId).executeTakeFirst();
  if (!row) throw jobNotFound(jobId);
  const countsOf = await readCounts(db, [jobId]);
  return { ...toDetail(row), executionCounts: countsOf(jobId) };
}

/** Hash of the request that made the job, or undefined where there is no such job. */
export async function findRequestHash(
  db: Queryable,
  jobId: string,
): Promise<{ requestHash: string | null } | undefined> {
  return db.selectFrom('jobs').select('requestHash').where('jobId', '=', jobId).executeTakeFirst();
}

interface ThingKey {
  thingName: string;
}

/**
 * By thing.
 * @throws MusterError JobNotFound
 */
export async function listExecutions(
  db: Queryable,
  jobId: string,
  filter: ExecutionFilter,
  page: PageRequest,
): Promise<Page<Execution>> {
  await requireJob(db, jobId);
  const after = readCursor(page.cursor, NAME_KEY);
  const { status, thingNamePrefix, search } = filter;
  const inRange = ({ after, end }: Range<ThingKey>) => {
    let query = db.selectFrom('executions').where('jobId', '=', jobId);
    if (status) query = query.where('status', '=', status);
    if (thingNamePrefix) {
      query = query
        .where('thingName', '>=', thingNamePrefix)
        .where('thingName', '<', endOfPrefix(thingNamePrefix));
    }
    if (after) query = query.where('thingName', '>', after.thingName);
    if (end) query = query.where('thingName', '<=', end.thingName);
    return query.orderBy('thingName');
  };
  const read = (range: Range<ThingKey>, limit: number) => {
    const query = inRange(range).selectAll().limit(limit);
    return (search ? query.where(holds(sql`lower("thingName")`, search)) : query).execute();
  };
  const from = { after: after && { thingName: after[0] }, limit: page.limit + 1 };
  const rows = search
    ? await readInSlices(db, from, (range) => inRange(range).select('thingName'), read)
    : await read(from, from.limit);
  const { items, nextCursor } = toPage(rows, page.limit, (row) => [row.thingName]);
  return { items: items.map(toExecution), nextCursor };
}

/**
 * In the order of the queue.
 * @param state `WAITING` finds nothing in a job that is over, nor `NOT_LAUNCHED` in one that is not
 * @throws MusterError JobNotFound
 */
export async function listTargets(
  db: Queryable,
  jobId: string,
  { state }: { state?: TargetState },
  page: PageRequest,
): Promise<Page<Target>> {
  const { status } = await requireJob(db, jobId);
  const notLaunched = status === 'IN_PROGRESS' ? 'WAITING' : 'NOT_LAUNCHED';
  const after = readCursor(page.cursor, POSITION_KEY);
  let query = db.selectFrom('job_targets').selectAll().where('jobId', '=', jobId);
  // Literals, or SQLite could not use the partial index on them.
  if (state === 'LAUNCHED') query = query.where(sql<boolean>`${sql.ref('state')} = 'LAUNCHED'`);
  else if (state === notLaunched) query = query.where(sql<boolean>`${sql.ref('state')} = 'WAITING'`);
  else if (state) return { items: [], nextCursor: null };
  if (after) query = query.where('position', '>', after[0]);
  const rows = await query
    .orderBy('position')
    .limit(page.limit + 1)
    .execute();
  const { items, nextCursor } = toPage(rows, page.limit, (row) => [row.position]);
  return {
    items: items.map((row) => ({
      thingName: row.thingName,
      state: row.state === 'LAUNCHED' ? row.state : notLaunched,
    })),
    nextCursor,
  };
}

/**
 * The current attempt, and the transitions of all attempts, oldest first.
 * @throws MusterError JobNotFound, ExecutionNotFound
 */
export async function findExecution(
  db: Queryable,
  jobId: string,
  thingName: string,
): Promise<Execution & { transitions: Transition[] }> {
  const row = await db
    .selectFrom('executions')
    .selectAll()
    .where('jobId', '=', jobId)
    .where('thingName', '=', thingName)
    .executeTakeFirst();
  if (!row) {
    await requireJob(db, jobId);
    throw new MusterError('ExecutionNotFound', `Job ${jobId} has no execution on a thing "${thingName}".`);
  }
  const latest = await db
    .selectFrom('transitions')
    .selectAll()
    .where('jobId', '=', jobId)
    .where('thingName', '=', thingName)
    .orderBy('executionNumber', 'desc')
    .orderBy('versionNumber', 'desc')
    .limit(TRANSITIONS_KEPT)
    .execute();
  return { ...toExecution(row), transitions: latest.reverse().map(toTransition) };
}

/** Newest first. */
export async function listExecutionsOfThing(
  db: Queryable,
  thingName: string,
  filter: Pick<ExecutionFilter, 'status'>,
  page: PageRequest,
): Promise<Page<ExecutionWithJobName>> {
  const before = readCursor(page.cursor, TIME_KEY);
  let query = withJobName(db).where('thingName', '=', thingName);
  if (filter.status) query = query.where('executions.status', '=', filter.status);
  if (before) {
    query = query.where((eb) =>
      eb(eb.refTuple('queuedAt', 'executions.jobId'), '<', eb.tuple(before[0], before[1])),
    );
  }
  const rows = await query
    .orderBy('queuedAt', 'desc')
    .orderBy('executions.jobId', 'desc')
    .limit(page.limit + 1)
    .execute();
  const { items, nextCursor } = toPage(rows, page.limit, (row) => [row.queuedAt, row.jobId]);
  return { items: items.map(toExecutionWithJobName), nextCursor };
}

export function withJobName(db: Queryable) {
  return db
    .selectFrom('executions')
    .leftJoin('jobs', 'jobs.jobId', 'executions.jobId')
    .selectAll('executions')
    .select('jobs.name as jobName');
}

export function toExecutionWithJobName(row: ExecutionRow & { jobName: string | null }): ExecutionWithJobName {
  return { ...toExecution(row), jobName: row.jobName };
}

/** @throws MusterError JobNotFound */
async function requireJob(db: Queryable, jobId: string): Promise<{ status: JobStatus }> {
  const row = await db.selectFrom('jobs').select('status').where('jobId', '=', jobId).executeTakeFirst();
  if (!row) throw jobNotFound(jobId);
  return row;
}

function jobNotFound(jobId: string): MusterError {
  return new MusterError('JobNotFound', `There is no job "${jobId}".`);
}

/** How many executions of each job stand in each status. */
export async function readCounts(
  db: Queryable,
  jobIds: string[],
): Promise<(jobId: string) => ExecutionCounts> {
  const counts = new Map(jobIds.map((jobId) => [jobId, noExecutions()]));
  const rows = await db
    .selectFrom('job_counts')
    .select(['jobId', 'status', ({ fn }) => fn.sum<number>('n').as('n')])
    .where('jobId', 'in', jobIds)
    .groupBy(['jobId', 'status'])
    .execute();
  for (const { jobId, status, n } of rows) counts.get(jobId)![status] = Number(n);
  return (jobId) => counts.get(jobId)!;
}

function toDetail(row: JobRow): Omit<JobDetail, 'executionCounts'> {
  return {
    jobId: row.jobId,
    name: row.name,
    jobType: row.jobType,
    status: row.status,
    forceCanceled: isForceCanceled(row),
    description: row.description,
    targets: {
      thingNames: JSON.parse(row.thingNamesJson) as string[],
      thingGroupNames: JSON.parse(row.groupNamesJson) as string[],
    },
    targetCounts: targetCounts(row),
    document: JsonText.asKept(row.documentJson),
    timeoutConfig: JSON.parse(row.timeoutConfigJson) as TimeoutConfig,
    reasonCode: row.reasonCode,
    comment: row.comment,
    createdBy: row.createdBy,
    createdAt: row.createdAt,
    lastUpdatedAt: row.lastUpdatedAt,
    completedAt: row.completedAt,
  };
}

function isForceCanceled({ status, dispatch }: Pick<JobRow, 'status' | 'dispatch'>): boolean {
  return status === 'CANCELED' && dispatch === 'NONE';
}

function targetCounts(row: Pick<JobRow, 'thingCount' | 'launchedCount'>): TargetCounts {
  const { thingCount: total, launchedCount: launched } = row;
  return { total, launched, notLaunched: total - launched };
}

function toExecution(row: ExecutionRow): Execution {
  return {
    jobId: row.jobId,
    thingName: row.thingName,
    status: row.status,
    statusDetails: fromJson(row.statusDetailsJson) ?? null,
    versionNumber: row.versionNumber,
    executionNumber: row.executionNumber,
    queuedAt: row.queuedAt,
    startedAt: row.startedAt,
    lastUpdatedAt: row.lastUpdatedAt,
    finishedAt: row.finishedAt,
  };
}

function toTransition(row: TransitionRow): Transition {
  return {
    versionNumber: row.versionNumber,
    executionNumber: row.executionNumber,
    from: row.from,
    to: row.to,
    at: row.at,
    by: row.by,
    reason: row.reason,
    statusDetails: fromJson(row.statusDetailsJson) ?? null,
  };
}
