/** Executions as they stand: read where devices ask. What changes them: transitions.ts. REST lists: job-queries.ts. */
import { sql, type RawBuilder } from 'kysely';
import type { ExecutionState, StatusDetails } from '../domain/execution';
import { JsonText } from '../domain/json-text';
import { contentOf, type RepeatableRequest } from '../domain/repeats';
import { PENDING_STATUSES, type ExecutionStatus } from '../domain/statuses';
import type { Queryable } from './database';
import type { ExecutionRow, TransitionRow } from './schema';
import { sha256 } from './secrets';

/** A repeated request is looked for among the latest transitions only, however long an execution reports. */
const REPEATS_WITHIN = 100;

export async function findExecution(
  db: Queryable,
  jobId: string,
  thingName: string,
): Promise<ExecutionRow | undefined> {
  return db
    .selectFrom('executions')
    .selectAll()
    .where('jobId', '=', jobId)
    .where('thingName', '=', thingName)
    .executeTakeFirst();
}

/**
 * What a thing still has to do, in the order of PROTOCOL.md §2: IN_PROGRESS first, then QUEUED by `queuedAt`, ties
 * by job creation. Executions of a job that was canceled or is being deleted are out of sight at once.
 */
export async function pendingExecutions(
  db: Queryable,
  thingName: string,
  limit: number,
): Promise<ExecutionRow[]> {
  return rowsOf(db, sql`${pendingOf(thingName, IN_SIGHT)} limit ${sql.lit(limit)}`);
}

/** The head of the list as the devices were told of it: executions of canceled jobs are still there. */
export async function headOfList(db: Queryable, thingName: string): Promise<string | undefined> {
  return (await rowsOf(db, sql`${pendingOf(thingName)} limit 1`))[0]?.jobId;
}

const IN_SIGHT = sql`
  join jobs on jobs."jobId" = executions."jobId"
    and (jobs.dispatch = 'ALL' or (jobs.dispatch = 'STARTED' and executions.status = 'IN_PROGRESS'))`;

/**
 * Written as SQL, because it runs seven times in an execution's life and building it takes three times as long as
 * running it. The statuses stand as literals, or SQLite could not use the index on them.
 * @param jobs a join that leaves out those of some jobs
 */
function pendingOf(thingName: string, jobs = sql``): RawBuilder<ExecutionRow> {
  return sql`
    select executions.* from executions ${jobs}
    where executions."thingName" = ${thingName} and executions.status in ('QUEUED', 'IN_PROGRESS')
    order by executions.status, -- 'IN_PROGRESS' < 'QUEUED'
      coalesce(executions."startedAt", executions."queuedAt"), executions."jobCreatedAt", executions."jobId"`;
}

async function rowsOf(db: Queryable, query: RawBuilder<ExecutionRow>): Promise<ExecutionRow[]> {
  return (await query.execute(db)).rows;
}

/** Pending executions of a whole thing, canceled jobs included: for who removes them. */
export async function activeExecutionsOf(db: Queryable, thingName: string): Promise<ExecutionRow[]> {
  return rowsOf(db, pendingOf(thingName));
}

/** A page of a job's executions in one status, by thing name. */
export async function executionPage(
  db: Queryable,
  jobId: string,
  status: ExecutionStatus,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('executions')
    .select('thingName')
    .where('jobId', '=', jobId)
    .where('status', '=', status)
    .where('thingName', '>', after)
    .orderBy('thingName')
    .limit(limit)
    .execute();
  return rows.map(({ thingName }) => thingName);
}

/** How many of these things have the job in that status. */
export async function countIn(
  db: Queryable,
  jobId: string,
  status: ExecutionStatus,
  thingNames: readonly string[],
): Promise<number> {
  const { n } = await db
    .selectFrom('executions')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('jobId', '=', jobId)
    .where('thingName', 'in', thingNames)
    .where('status', '=', status)
    .executeTakeFirstOrThrow();
  return Number(n);
}

/** How many executions of a job are not terminal. */
export async function countPending(db: Queryable, jobId: string): Promise<number> {
  const { n } = await db
    .selectFrom('executions')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('jobId', '=', jobId)
    .where('status', 'in', PENDING_STATUSES)
    .executeTakeFirstOrThrow();
  return Number(n);
}

/** The transition that a device's request made when it came first, if it has come before. */
export async function findRepeated(
  db: Queryable,
  row: ExecutionRow,
  request: RepeatableRequest & { executionNumber?: number },
): Promise<TransitionRow | undefined> {
  const hash = requestHash(request);
  if (hash === null) return undefined;
  const latest = db
    .selectFrom('transitions')
    .selectAll()
    .where('jobId', '=', row.jobId)
    .where('thingName', '=', row.thingName)
    .where('executionNumber', '=', request.executionNumber ?? row.executionNumber)
    .orderBy('versionNumber', 'desc')
    .limit(REPEATS_WITHIN);
  return db
    .selectFrom(latest.as('latest'))
    .selectAll()
    .where('requestHash', '=', hash)
    .orderBy('versionNumber')
    .limit(1)
    .executeTakeFirst();
}

/** By which a repeat of the request is found. Null: it has no token, so none is looked for. */
export function requestHash(request: RepeatableRequest): string | null {
  const content = contentOf(request);
  return content === undefined ? null : sha256(content);
}

export async function readDocument(db: Queryable, jobId: string): Promise<JsonText> {
  const { documentJson } = await db
    .selectFrom('jobs')
    .select('documentJson')
    .where('jobId', '=', jobId)
    .executeTakeFirstOrThrow();
  return JsonText.asKept(documentJson);
}

/** The state that a row stands for. Deadlines are the workflow's own business. */
export function stateOf(row: ExecutionRow): ExecutionState {
  return {
    executionNumber: row.executionNumber,
    versionNumber: row.versionNumber,
    status: row.status,
    statusDetails: fromJson(row.statusDetailsJson),
    queuedAt: row.queuedAt,
    startedAt: row.startedAt ?? undefined,
    lastUpdatedAt: row.lastUpdatedAt,
    finishedAt: row.finishedAt ?? undefined,
  };
}

export function fromJson(json: string | null): StatusDetails | undefined {
  return json === null ? undefined : (JSON.parse(json) as StatusDetails);
}

/** Key order does not make two of them different. */
export function toJson(details: StatusDetails | undefined): string | null {
  return details === undefined ? null : JSON.stringify(details, Object.keys(details).sort());
}
