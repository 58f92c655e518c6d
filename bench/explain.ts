/**
 * Explains every query of the hot paths and of the lists: `npm run explain [-- EXECUTIONS]`.
 * Fills a PostgreSQL of its own with 1,000,000 executions and asks it for the plan of each statement that the store
 * sends; SQLite, whose plans do not depend on what is in the tables, is asked without rows. Ends with an error where
 * a statement reads a large table from end to end.
 */
import { performance } from 'node:perf_hooks';
import { CompiledQuery, sql, type LogEvent, type RawBuilder } from 'kysely';
import { queuedExecution, type ExecutionState } from '../src/domain/execution';
import type { Launch } from '../src/domain/job';
import type { ExecutionStatus } from '../src/domain/statuses';
import { countStatuses } from '../src/runtime/status-counts';
import { isPostgres, migrate, openStore, storeOn, type Db } from '../src/store/database';
import {
  eventsAfter,
  jobsWithChanges,
  latestNotableEvents,
  latestPosition,
  resumptionFault,
} from '../src/store/events';
import {
  activeExecutionsOf,
  countIn,
  countPending,
  executionPage,
  findExecution,
  findRepeated,
  pendingExecutions,
  readDocument,
} from '../src/store/executions';
import { deleteExecution, moveDeadline, queueExecutions, recordTransition } from '../src/store/transitions';
import { changeMembers, createGroup, findGroup, listGroups } from '../src/store/groups';
import * as read from '../src/store/job-queries';
import { cancelJob, createJob, deleteRecordPage, findJobState, watchingJobs } from '../src/store/jobs';
import { readMembershipChanges } from '../src/store/membership-changes';
import { readOverview } from '../src/store/overview';
import { workingDialect } from '../src/store/postgres';
import { createProgressSampler, readProgress } from '../src/store/progress';
import { openSqlite } from '../src/store/sqlite';
import {
  appendTargets,
  putBackTargets,
  readTargets,
  removeLaunched,
  takeOutWaiting,
} from '../src/store/targets';
import {
  findThing,
  listThings,
  markThingDeleted,
  registerThings,
  updateThing,
  verifyDevice,
} from '../src/store/things';
import { startPostgres } from '../test/support/postgres';

const NOW = 1_790_000_000_000;
/** Reading a table of fewer rows from end to end costs nothing. */
const LARGE = 5_000;
const PAGE = { limit: 50 };
/** Whole tables that are read on purpose, and what that costs is known (docs/scaling.md). */
const KNOWN: Record<string, string[]> = { overview: ['things'], metrics: ['job_counts'] };

/** Names as the fleet below has them. */
const thing = (i: number) => `thing-${String(i).padStart(7, '0')}`;
const large = (i: number) => `large-${i}`;

type Paths = Record<string, (db: Db) => Promise<unknown>>;

const key = { jobId: large(1), thingName: thing(77) };

function stateAt(status: ExecutionStatus, versionNumber: number): ExecutionState {
  return { status, versionNumber, executionNumber: 1, queuedAt: NOW, startedAt: NOW, lastUpdatedAt: NOW };
}

function record(db: Db, to: ExecutionStatus, versionNumber: number) {
  const cause = { by: 'thing', reason: undefined };
  return recordTransition(db, {
    ...key,
    from: 'QUEUED',
    state: stateAt(to, versionNumber),
    cause,
    report: { clientToken: 'x' },
  });
}

function launch(db: Db, jobId: string, launches: Launch[]) {
  const state = queuedExecution(1, NOW, {});
  return queueExecutions(db, { jobId, shard: 3, launches, state, cause: { by: 'key:a' } });
}

const launches = (from: number, count: number, executionNumber: number): Launch[] =>
  Array.from({ length: count }, (_, i) => ({ thingName: thing(from + i), executionNumber }));

const names = (from: number, count: number) => launches(from, count, 1).map(({ thingName }) => thingName);

const newJob = (jobId: string, jobType: 'SNAPSHOT' | 'CONTINUOUS', targets: object) => ({
  ...{ jobId, jobType, documentJson: '{"action":"explain"}', timeoutConfig: {}, createdBy: 'key:a' },
  targets: { thingNames: [], thingGroupNames: [], ...targets },
});

/** In this order, because some stand on what others have written. */
const PATHS: Paths = {
  'device: connect': (db) => verifyDevice(db, thing(77), 'wrong'),
  'device: get, start-next': (db) => pendingExecutions(db, thing(77), 15),
  'device: describe': async (db) => [
    await findExecution(db, large(1), thing(77)),
    await readDocument(db, large(1)),
  ],
  'device: update, before Temporal': async (db) => {
    const row = await findExecution(db, large(1), thing(77));
    await findJobState(db, large(1));
    await findRepeated(db, row!, { clientToken: 'x' });
  },
  'transition: start': (db) => record(db, 'IN_PROGRESS', 2),
  'transition: progress': (db) => record(db, 'IN_PROGRESS', 3),
  'transition: end': (db) => record(db, 'SUCCEEDED', 4),
  'step timer moved': (db) => moveDeadline(db, large(1), thing(77), stateAt('SUCCEEDED', 4)),
  'job: create for 100 things': (db) =>
    createJob(db, newJob('named', 'SNAPSHOT', { thingNames: names(0, 100) }), NOW),
  'job: create for a group': (db) =>
    createJob(db, newJob('watching', 'CONTINUOUS', { thingGroupNames: ['all'] }), NOW),
  'job: read a batch of targets': (db) => readTargets(db, { jobId: 'watching', first: 400, end: 600 }),
  'job: make a portion visible': (db) => launch(db, 'named', launches(0, 25, 1)),
  'job: follow membership': (db) => readMembershipChanges(db, 'watching', 200),
  'job: things leave before their launch': (db) => takeOutWaiting(db, 'watching', names(500, 100)),
  'job: things leave after their launch': (db) => removeLaunched(db, 'watching', names(600, 32)),
  'job: things join': (db) => appendTargets(db, 'watching', names(500, 100), 0),
  'job: put targets back': (db) => putBackTargets(db, 'watching', names(500, 2)),
  'job: watchers of a group': (db) => watchingJobs(db, ['all', 'few']),
  'job: page of executions to signal': (db) => executionPage(db, large(1), 'QUEUED', '', 32),
  'job: how many of that page are left': (db) => countIn(db, large(1), 'QUEUED', names(0, 32)),
  'job: cancel': (db) => cancelJob(db, 'named', { by: 'key:a', dispatch: 'NONE' }, NOW),
  'job: count what is pending': (db) => countPending(db, large(1)),
  'job: delete records of 100 things': (db) => deleteRecordPage(db, large(2), '', 100),
  'execution: delete': (db) => deleteExecution(db, large(1), thing(77), NOW),
  'list: jobs': (db) => read.listJobs(db, {}, PAGE),
  'list: jobs by status': (db) => read.listJobs(db, { status: 'COMPLETED' }, PAGE),
  'list: jobs by type': (db) => read.listJobs(db, { jobType: 'CONTINUOUS' }, PAGE),
  'list: jobs by part of a name': (db) => read.listJobs(db, { name: 'mall' }, PAGE),
  'list: one job': (db) => read.findJob(db, large(1)),
  'list: targets': (db) => pages((page) => read.listTargets(db, large(1), {}, page)),
  'list: targets that wait': (db) => read.listTargets(db, 'watching', { state: 'WAITING' }, PAGE),
  'list: executions': (db) => pages((page) => read.listExecutions(db, large(1), {}, page)),
  'list: executions by status': (db) =>
    pages((page) => read.listExecutions(db, large(1), { status: 'FAILED' }, page)),
  'list: executions by prefix': (db) =>
    pages((page) => read.listExecutions(db, large(1), { thingNamePrefix: 'thing-00001' }, page)),
  'list: executions by part of a name': (db) =>
    read.listExecutions(db, large(1), { search: '0000042' }, PAGE),
  'list: executions by both': (db) =>
    read.listExecutions(db, large(1), { status: 'FAILED', thingNamePrefix: 'thing-00001' }, PAGE),
  'list: executions of a thing': (db) => pages((page) => read.listExecutionsOfThing(db, thing(5), {}, page)),
  'list: executions of a thing by status': (db) =>
    read.listExecutionsOfThing(db, thing(5), { status: 'QUEUED' }, PAGE),
  'list: one execution with its transitions': (db) => read.findExecution(db, large(1), thing(5)),
  'list: what a thing still has to do': (db) => activeExecutionsOf(db, thing(5)),
  'list: things': (db) => pages((page) => listThings(db, {}, page)),
  'list: things by prefix': (db) => listThings(db, { namePrefix: 'thing-00001' }, PAGE),
  'list: things by a rare part of a name': (db) => listThings(db, { search: 'g-0000042' }, PAGE),
  'list: things by a common part of a name': (db) => listThings(db, { search: 'hing' }, PAGE),
  'list: things by one letter': (db) => listThings(db, { search: '7' }, PAGE),
  'list: things by tags': (db) => listThings(db, { tags: ['odd', 'tenth'] }, PAGE),
  'list: things by type': (db) => listThings(db, { thingTypeName: 'type-3' }, PAGE),
  'list: things by connection': (db) => listThings(db, { connected: true }, PAGE),
  'list: members of a group': (db) => listThings(db, { groupName: 'all' }, PAGE),
  'list: groups': (db) => listGroups(db, {}, PAGE),
  'list: groups by part of a name': (db) => listGroups(db, { search: 'ROUP' }, PAGE),
  'registry: one thing': (db) => findThing(db, thing(5)),
  'registry: one group': (db) => findGroup(db, 'few'),
  'registry: register 250 things': (db) =>
    registerThings(
      db,
      Array.from({ length: 250 }, (_, i) => ({ name: `new-${i}`, tags: ['odd', 'tenth'], attributes: {} })),
      NOW,
    ),
  'registry: change tags': (db) => updateThing(db, thing(8), { tags: ['odd', 'tenth'] }, NOW),
  'registry: change members': (db) =>
    changeMembers(db, 'few', { add: [thing(900)], remove: [thing(3)] }, NOW),
  'registry: delete a thing': (db) => markThingDeleted(db, thing(9), NOW),
  'events: read on': async (db) => {
    const position = await latestPosition(db);
    await resumptionFault(db, position);
    await eventsAfter(db, position, 500);
    await jobsWithChanges(db, position, position);
    await latestNotableEvents(db, 20);
  },
  'progress: note': (db) => createProgressSampler(db)(NOW),
  'progress: read': (db) => readProgress(db, large(1), NOW),
  overview: (db) => readOverview(db, NOW),
  metrics: (db) => countStatuses(db),
};

/** The first page and the next, which is found by its key. */
async function pages(
  list: (page: { limit: number; cursor?: string }) => Promise<{ nextCursor: string | null }>,
) {
  const { nextCursor } = await list(PAGE);
  if (nextCursor !== null) await list({ ...PAGE, cursor: nextCursor });
}

/** The statements that a store sends. */
class Statements {
  private readonly seen = new Map<string, CompiledQuery>();

  readonly note = ({ query }: LogEvent) => {
    if (/^(select|insert|update|delete)/.test(query.sql.trim())) this.seen.set(query.sql, query);
  };

  take(): CompiledQuery[] {
    const queries = [...this.seen.values()];
    this.seen.clear();
    return queries;
  }
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: Plan[];
}

/** @returns the tables that a statement reads from end to end */
async function wholeTables(db: Db, { sql: text, parameters }: CompiledQuery): Promise<string[]> {
  if (isPostgres(db)) {
    const explained = CompiledQuery.raw(`explain (format json) ${text}`, [...parameters]);
    const { rows } = await db.executeQuery<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explained);
    return scansOf(rows[0]!['QUERY PLAN'][0].Plan);
  }
  const explained = CompiledQuery.raw(`explain query plan ${text}`, [...parameters]);
  const { rows } = await db.executeQuery<{ detail: string }>(explained);
  return rows.flatMap(({ detail }) => /^SCAN (\w+)$/.exec(detail)?.[1] ?? []);
}

function scansOf(plan: Plan): string[] {
  const own = plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name']!] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)];
}

/** @returns what reads a large table from end to end, in words */
async function explainAll(
  db: Db,
  statements: Statements,
  isLarge: (table: string) => boolean,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [name, path] of Object.entries(PATHS)) {
    const began = performance.now();
    statements.take();
    await path(db);
    const ms = performance.now() - began;
    const queries = statements.take();
    const explained = await Promise.all(queries.map((query) => wholeTables(db, query)));
    const tables = explained.flatMap((scanned, i) =>
      scanned.filter(isLarge).map((table) => ({ table, text: queries[i]!.sql })),
    );
    const unknown = tables.filter(({ table }) => !KNOWN[name]?.includes(table));
    faults.push(...unknown.map(({ table, text }) => `${name} reads all of ${table}: ${text.slice(0, 500)}`));
    const remark = tables.map(({ table }) => `reads all of ${table}`).join(', ');
    console.log(
      `${name.padEnd(42)} ${String(queries.length).padStart(3)} ${ms.toFixed(1).padStart(8)} ms  ${remark}`,
    );
  }
  return faults;
}

/** A tenth of the things for each large job, and small jobs beside them. */
async function fill(db: Db, executions: number): Promise<void> {
  const things = Math.max(1_000, Math.round(executions / 10));
  // Literals have types of their own, parameters take those that stand beside them.
  const [now, count] = [sql.lit(NOW), sql.lit(things)];
  const run = (statement: RawBuilder<unknown>) => statement.execute(db);
  const name = sql`'thing-' || lpad(i::text, 7, '0')`;
  await run(sql`
    insert into things (name, "mqttClientId", "thingTypeName", "attributesJson", "passwordHash", "createdAt", "lastUpdatedAt", connected)
    select ${name}, ${name}, 'type-' || i % 10, '{}', 'x', ${now}, ${now}, case when i % 20 = 0 then 1 else 0 end
    from generate_series(0, ${count} - 1) i`);
  await run(
    sql`insert into thing_tags select ${name}, case when i % 2 = 0 then 'even' else 'odd' end from generate_series(0, ${count} - 1) i`,
  );
  await run(sql`insert into thing_tags select ${name}, 'tenth' from generate_series(0, ${count} - 1, 10) i`);
  await run(
    sql`insert into thing_types (name, description, "createdAt") select 'type-' || i, null, ${now} from generate_series(0, 9) i`,
  );
  await run(
    sql`insert into thing_groups (name, kind, description, "thingTypeName", "createdAt") select g, 'EXPLICIT', null, null, ${now} from unnest(array['all', 'few']) g`,
  );
  await run(
    sql`insert into thing_groups (name, kind, description, "thingTypeName", "createdAt") select 'odd tenths', 'DYNAMIC', null, null, ${now}`,
  );
  await run(
    sql`insert into thing_groups (name, kind, description, "thingTypeName", "createdAt") select 'group-' || i, 'DYNAMIC', null, null, ${now} from generate_series(1, 500) i`,
  );
  await run(sql`insert into thing_group_tags select 'odd tenths', unnest(array['odd', 'tenth'])`);
  await run(
    sql`insert into thing_group_tags select 'group-' || i, 'tag-' || i from generate_series(1, 500) i`,
  );
  await run(
    sql`insert into thing_group_members select 'all', ${name} from generate_series(0, ${count} - 1) i`,
  );
  await run(sql`insert into thing_group_members select 'few', ${name} from generate_series(0, 99) i`);
  await run(sql`
    insert into membership_log select row_number() over (), "groupName", "thingName", 'JOINED', ${now} from thing_group_members`);
  await run(sql`update membership_clock set seq = (select max(seq) from membership_log)`);
  await run(sql`
    insert into jobs ("jobId", name, "foldedName", "jobType", status, dispatch, "documentJson", "thingNamesJson", "groupNamesJson",
      "thingCount", "timeoutConfigJson", "membershipSeq", "createdBy", "createdAt", "lastUpdatedAt", "completedAt")
    select id, id, id, 'SNAPSHOT', case when open then 'IN_PROGRESS' else 'COMPLETED' end, 'ALL', '{}', '[]', '[]',
      things, '{}', 0, 'key:a', ${now} - i * 1000, ${now}, case when open then null else ${now} - i * 1000 end
    from (
      select 'large-' || i as id, i, i <= 2 as open, ${count}::integer as things from generate_series(1, 9) i
      union all select 'small-' || i, i, i <= 100, 50 from generate_series(1, ${count} / 50) i
    ) as made`);
  await run(sql`
    insert into executions ("jobId", "thingName", shard, "executionNumber", "versionNumber", status, "queuedAt",
      "startedAt", "lastUpdatedAt", "finishedAt", "jobCreatedAt")
    select j."jobId", 'thing-' || lpad(n::text, 7, '0'), n / 200 % 16, 1, 1,
      case when j.status = 'COMPLETED' then case n % 50 when 1 then 'FAILED' else 'SUCCEEDED' end
           when n % 10 = 7 then 'QUEUED' when n % 10 = 1 then 'FAILED' when n % 100 = 9 then 'IN_PROGRESS' else 'SUCCEEDED' end,
      j."createdAt", ${now}, ${now}, ${now}, j."createdAt"
    from jobs j, lateral (
      select (i + case when j."jobId" like 'small%' then 50 * substr(j."jobId", 7)::integer else 0 end) % ${count} as n
      from generate_series(0, j."thingCount" - 1) i
    ) as t`);
  await run(sql`
    insert into transitions select e."jobId", e."thingName", 1, v, null, 'QUEUED', ${now}, 'key:a', null, null, null
    from executions e, generate_series(1, case when e.status = 'QUEUED' then 1 else 3 end) v`);
  await run(sql`
    insert into job_targets select "jobId", "thingName", row_number() over (partition by "jobId" order by "thingName") - 1, 0, 'LAUNCHED' from executions`);
  await run(
    sql`insert into job_counts select "jobId", shard, status, count(*) from executions group by 1, 2, 3`,
  );
  await run(sql`
    insert into events (at, type, "jobId", "thingName", "dataJson", notable, tx)
    select ${now}, 'execution.changed', 'large-1', ${name}, '{}', case when i % 50 = 0 then 1 else 0 end, 0 from generate_series(1, 200000) i`);
  await run(
    sql`insert into job_progress select 'large-' || i % 9 + 1, ${now} - i, '{}' from generate_series(1, 9000) i`,
  );
  await run(sql`analyze`);
}

/** A little of everything, through the same doors as ever. */
async function fillByHand(db: Db): Promise<void> {
  const all = launches(0, 1_000, 1);
  const names = all.map(({ thingName }) => thingName);
  await registerThings(
    db,
    names.map((name) => ({ name, tags: [], attributes: {} })),
    NOW,
  );
  for (const name of ['all', 'few']) {
    await createGroup(db, { name, description: null, tags: [] }, NOW);
    await changeMembers(db, name, { add: names, remove: [] }, NOW);
  }
  for (const jobId of [large(1), large(2)]) {
    await createJob(db, newJob(jobId, 'SNAPSHOT', { thingNames: names.slice(0, 500) }), NOW);
    await launch(db, jobId, all.slice(0, 500));
  }
}

async function main(executions: number): Promise<void> {
  const postgres = await startPostgres();
  try {
    const statements = new Statements();
    const url = await postgres.createDatabase();
    await (await openStore({ url, poolSize: 1 })).destroy();
    const db = storeOn(workingDialect({ url, poolSize: 4 }), statements.note);
    console.log(`PostgreSQL, filling it with ${executions.toLocaleString('en')} executions…`);
    await fill(db, executions);
    const { rows } = await sql<{ relname: string; reltuples: number }>`
      select relname, reltuples from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(
      db,
    );
    const sizes = new Map(rows.map(({ relname, reltuples }) => [relname, reltuples]));
    for (const [table, n] of sizes) if (n >= LARGE) console.log(`  ${table}: ${n.toLocaleString('en')} rows`);
    console.log(`\n${'path'.padEnd(42)} statements, time of all of them together`);
    const faults = await explainAll(db, statements, (table) => (sizes.get(table) ?? 0) >= LARGE);
    await db.destroy();

    console.log('\nSQLite, without rows');
    const small = storeOn(openSqlite(':memory:'), statements.note);
    await migrate(small);
    await fillByHand(small);
    // Other names are those of parts of a statement.
    faults.push(...(await explainAll(small, statements, (table) => sizes.has(table))));
    await small.destroy();
    for (const fault of faults) console.error(`FAULT ${fault}`);
    process.exitCode = faults.length > 0 ? 1 : 0;
  } finally {
    await postgres.destroy();
  }
}

void main(Number(process.argv[2] ?? 1_000_000));
