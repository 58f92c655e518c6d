/** Several processes on one PostgreSQL: what must not come in between, and what happens when connections break. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { sql, type Transaction } from 'kysely';
import { eventually } from '../../test/support/eventually';
import { describeWithPostgres } from '../../test/support/postgres';
import { freshDatabases } from '../../test/support/stores';
import type { ExecutionState } from '../domain/execution';
import { BEGINNING } from '../domain/events';
import type { ExecutionStatus } from '../domain/statuses';
import { openStore, type Db } from './database';
import { appendEvents, eventsAfter } from './events';
import { activeExecutionsOf } from './executions';
import { deleteExecution, queueExecutions, recordTransition } from './transitions';
import { isStoreUnavailable } from './faults';
import { changeMembers, createGroup } from './groups';
import { cancelJob, createJob } from './jobs';
import { joinGroup, takeClock } from './membership';
import { readMembershipChanges } from './membership-changes';
import type { Database } from './schema';
import { appendTargets, removeLaunched } from './targets';
import { findThing, markThingDeleted, registerThings, updateThing } from './things';
import { inTransaction } from './transaction';

const NOW = 1_700_000_000_000;

describeWithPostgres('several processes on one PostgreSQL', () => {
  const databases = freshDatabases();
  let url: string;
  let db: Db;
  beforeEach(async () => {
    url = await databases.create();
    db = await openStore({ url, poolSize: 8 });
  });
  afterEach(() => db.destroy());

  it('start at once on an empty database: one migrates it, one makes the first key', async () => {
    const empty = await databases.server().createDatabase();
    const [database, keys] = ['database', 'api-keys'].map((room) =>
      path.resolve(`dist/src/store/${room}.js`),
    );
    const script = `(async () => {
      const db = await require(${JSON.stringify(database)}).openStore({ url: ${JSON.stringify(empty)}, poolSize: 2 });
      const key = await require(${JSON.stringify(keys)}).ensureAdminKey(db, undefined);
      console.log(key ? 'made' : 'found');
      await db.destroy();
    })()`;
    const run = () => promisify(execFile)(process.execPath, ['-e', script]);
    const outputs = await Promise.all(Array.from({ length: 10 }, run));
    const lines = outputs.map(({ stdout }) => stdout.trim()).sort();
    expect(lines).toEqual([...Array<string>(9).fill('found'), 'made']);
  });

  it('tell a device who is next, whichever of two executions is recorded last', async () => {
    await register('t');
    await launch('first', ['t']);
    await launch('second', ['t']);
    await transition('first', 't', 'IN_PROGRESS', 2);

    const gate = await hold((tx) =>
      sql`select from job_counts where "jobId" = 'second' for update`.execute(tx),
    );
    const ended: [string, unknown][] = [];
    const canceled = transition('second', 't', 'CANCELED', 2).then((told) => ended.push(['canceled', told]));
    await waitingOrDone(1, canceled);
    const succeeded = transition('first', 't', 'SUCCEEDED', 3).then((told) =>
      ended.push(['succeeded', told]),
    );
    await waitingOrDone(2, succeeded);
    await gate.release();
    await Promise.all([canceled, succeeded]);
    expect(ended).toMatchObject([
      ['canceled', { outcome: 'recorded', notifications: { list: true, head: false } }],
      ['succeeded', { outcome: 'recorded', notifications: { list: true, head: true } }],
    ]);
  });

  it('make no page visible once its job is canceled', async () => {
    await register('t', 'u');
    await create('job', { thingNames: ['t', 'u'] });
    const gate = await hold((tx) => sql`lock table job_counts in exclusive mode`.execute(tx));
    const page = queue('job', ['t']);
    await waitingOrDone(1, page);
    const visible = async () => (await db.selectFrom('executions').selectAll().execute()).length;
    const canceled = cancelJob(db, 'job', { by: 'key:a', dispatch: 'NONE' }, NOW).then(visible);
    await waitingOrDone(2, canceled);
    await gate.release();
    await page;
    expect(await canceled).toBe(await visible());
    // One that is there already is known again: its executions are to be ended, and not forgotten.
    expect(await queue('job', ['t', 'u'])).toEqual({ jobGoesOn: false, discarded: ['u'], gone: [] });
  });

  it('let a deletion of a thing see what has become visible before it', async () => {
    await register('t', 'u');
    await create('job', { thingNames: ['t', 'u'] });
    const gate = await hold((tx) => sql`lock table job_counts in exclusive mode`.execute(tx));
    const page = queue('job', ['t']);
    await waitingOrDone(1, page);
    const active = markThingDeleted(db, 't', NOW).then(() => activeExecutionsOf(db, 't'));
    await waitingOrDone(2, active);
    await gate.release();
    expect((await page).gone).toEqual([]);
    expect(await active).toMatchObject([{ jobId: 'job' }]);
  });

  it('launch whoever joins while the targets of a continuous job are resolved', async () => {
    await register('early', 'late');
    await createGroup(db, { name: 'g', description: null, tags: [] }, NOW);
    await changeMembers(db, 'g', { add: ['early'], remove: [] }, NOW);
    const gate = await hold((tx) => sql`lock table job_groups in exclusive mode`.execute(tx));
    const created = create('job', { thingGroupNames: ['g'] });
    await waitingOrDone(1, created);
    await changeMembers(db, 'g', { add: ['late'], remove: [] }, NOW);
    await gate.release();
    expect((await created).queueEnd).toBe(1);
    expect(await readMembershipChanges(db, 'job', 10)).toMatchObject({ launch: ['late'] });
  });

  it('read leaving and joining again as two steps, also when the second one comes while the first is read', async () => {
    await register('t');
    await createGroup(db, { name: 'g', description: null, tags: [] }, NOW);
    await changeMembers(db, 'g', { add: ['t'], remove: [] }, NOW);
    await create('job', { thingGroupNames: ['g'] });
    await changeMembers(db, 'g', { add: [], remove: ['t'] }, NOW);

    const gate = await hold((tx) => sql`lock table thing_group_members in access exclusive mode`.execute(tx));
    const read = readMembershipChanges(db, 'job', 10);
    await waitingOrDone(1, read);
    await joinGroup(gate.tx, 'g', ['t'], NOW);
    await gate.release();
    expect(await read).toMatchObject({ remove: ['t'], launch: [] });
  });

  it('count a record that is deleted twice only once', async () => {
    await register('t');
    await launch('job', ['t']);
    await transition('job', 't', 'FAILED', 2);
    const gate = await hold((tx) => sql`lock table job_counts in exclusive mode`.execute(tx));
    const first = deleteExecution(db, 'job', 't', NOW);
    await waitingOrDone(1, first);
    const second = deleteExecution(db, 'job', 't', NOW);
    await waitingOrDone(2, second);
    await gate.release();
    expect(await Promise.all([first, second])).toEqual([true, false]);
    expect(await counts('job')).toEqual({});
  });

  it('count a storm of transitions right, and none waits for another one for ever', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `t${i}`);
    await register(...names);
    await create('job', { thingNames: names });
    const life = async (name: string, i: number) => {
      await queue('job', [name]);
      if (i % 3 > 0) await transition('job', name, 'IN_PROGRESS', 2);
      if (i % 3 > 1) await transition('job', name, 'SUCCEEDED', 3);
      if (i % 6 <= 4) return;
      await removeLaunched(db, 'job', [name]);
      await appendTargets(db, 'job', [name], 0);
      await queue('job', [name], 2);
    };
    await Promise.all(names.map(life));
    expect(await counts('job')).toEqual({ QUEUED: 30, IN_PROGRESS: 20, SUCCEEDED: 10 });
    const { rows } = await sql<{ deadlocks: number }>`
      select deadlocks from pg_stat_database where datname = current_database()`.execute(db);
    expect(rows).toEqual([{ deadlocks: 0 }]);
  });

  it('register equal names once, and keep groups by tags in line with tags', async () => {
    const things = Array.from({ length: 300 }, (_, i) => ({
      ...{ name: `t${i}`, tags: i % 2 ? ['odd'] : [], attributes: {} },
    }));
    const registrations = [things, [...things].reverse()].map((list) => registerThings(db, list, NOW));
    const groups = ['a', 'b', 'c'].map((name) =>
      createGroup(db, { name, description: null, tags: ['odd'] }, NOW),
    );
    const [first, second] = await Promise.all(registrations);
    await Promise.all([
      ...groups,
      ...things.slice(0, 40).map(({ name }) => updateThing(db, name, { tags: ['odd'] }, NOW)),
      createGroup(db, { name: 'd', description: null, tags: ['odd'] }, NOW),
    ]);
    expect(first!.created.length + second!.created.length).toBe(300);
    expect(first!.refused.length + second!.refused.length).toBe(300);
    const { rows } = await sql<{ groupName: string; n: number }>`
      select "groupName", count(*) as n from thing_group_members group by 1 order by 1`.execute(db);
    expect(rows).toEqual(['a', 'b', 'c', 'd'].map((groupName) => ({ groupName, n: 170 })));
  });

  it('read events in an order that later ones never disturb', async () => {
    const event = (at: number) => [{ type: 'thing.connected' as const, at, thingName: 't' }];
    const slow = await hold((tx) => appendEvents(tx, event(1)));
    await appendEvents(db, event(2));
    expect(await eventsAfter(db, BEGINNING, 10)).toEqual([]);
    await slow.release();
    expect((await eventsAfter(db, BEGINNING, 10)).map(({ at }) => at)).toEqual([1, 2]);
  });

  describe('a transaction', () => {
    it('is tried again after a deadlock', async () => {
      await register('a', 'b');
      const lock = (tx: Transaction<Database>, name: string) =>
        sql`select from things where name = ${name} for update`.execute(tx);
      let met = 0;
      const meeting = async () => {
        met++;
        await eventually(() => expect(met).toBeGreaterThan(1));
      };
      const both = (one: string, other: string) =>
        inTransaction(db, async (tx) => {
          await lock(tx, one);
          await meeting();
          await lock(tx, other);
          return one;
        });
      expect(await Promise.all([both('a', 'b'), both('b', 'a')])).toEqual(['a', 'b']);
      expect(met).toBeGreaterThan(2);
    });

    it('is tried again when its connection breaks before the commit', async () => {
      let tries = 0;
      await inTransaction(db, async (tx) => {
        await appendEvents(tx, [{ type: 'thing.connected', at: ++tries, thingName: 't' }]);
        if (tries === 1) await breakConnection(tx);
        await takeClock(tx);
      });
      expect(tries).toBe(2);
      await eventually(async () => expect(await eventsAfter(db, BEGINNING, 10)).toMatchObject([{ at: 2 }]));
    });
  });

  it('go on when PostgreSQL has been away', async () => {
    const lost: Error[] = [];
    const other = await openStore({ url, poolSize: 3, onConnectionLost: (error) => lost.push(error) });
    const ask = () => sql`select 1`.execute(other);
    await Promise.all([ask(), ask(), ask()]);
    await databases.server().stop('immediate');
    const failure = await ask().catch((error: unknown) => error);
    expect(isStoreUnavailable(failure)).toBe(true);
    await databases.server().start();
    await eventually(ask);
    expect(lost.length).toBeGreaterThan(0);
    await other.destroy();
  });

  it('find nothing by a name that no text can hold', async () => {
    await expect(findThing(db, 'a\0b')).rejects.toMatchObject({ code: 'ThingNotFound' });
  });

  // ── shorthands ──────────────────────────────────────────────────────────────────────────────────────────────────

  const register = (...names: string[]) =>
    registerThings(
      db,
      names.map((name) => ({ name, tags: [], attributes: {} })),
      NOW,
    );

  const create = (jobId: string, targets: { thingNames?: string[]; thingGroupNames?: string[] }) =>
    createJob(
      db,
      {
        ...{ jobId, documentJson: '{}', timeoutConfig: {}, createdBy: 'key:a' },
        jobType: targets.thingGroupNames ? 'CONTINUOUS' : 'SNAPSHOT',
        targets: { thingNames: [], thingGroupNames: [], ...targets },
      },
      NOW,
    );

  const stateAt = (status: ExecutionStatus, versionNumber: number, executionNumber = 1): ExecutionState => ({
    ...{ status, versionNumber, executionNumber },
    ...{ queuedAt: NOW, lastUpdatedAt: NOW + versionNumber },
  });

  function queue(jobId: string, names: string[], executionNumber = 1) {
    const launches = names.map((thingName) => ({ thingName, executionNumber }));
    const state = stateAt('QUEUED', 1);
    return queueExecutions(db, { jobId, shard: 0, launches, state, cause: { by: 'key:a' } });
  }

  async function launch(jobId: string, thingNames: string[]) {
    await create(jobId, { thingNames });
    await queue(jobId, thingNames);
  }

  const transition = (jobId: string, thingName: string, to: ExecutionStatus, version: number) =>
    recordTransition(db, {
      ...{ jobId, thingName, state: stateAt(to, version), cause: { by: 'device' } },
      from: version === 2 ? 'QUEUED' : 'IN_PROGRESS',
    });

  async function counts(jobId: string): Promise<Record<string, number>> {
    const rows = await db.selectFrom('job_counts').selectAll().where('jobId', '=', jobId).execute();
    const sums: Record<string, number> = {};
    for (const { status, n } of rows) sums[status] = (sums[status] ?? 0) + n;
    return Object.fromEntries(Object.entries(sums).filter(([, n]) => n !== 0));
  }

  /** A transaction that stays open until it is released. */
  async function hold(begin: (tx: Transaction<Database>) => Promise<unknown>) {
    let open!: (tx: Transaction<Database>) => void;
    const opened = new Promise<Transaction<Database>>((resolve) => (open = resolve));
    let close!: () => void;
    const closed = new Promise<void>((resolve) => (close = resolve));
    const ended = db.transaction().execute(async (tx) => {
      await begin(tx);
      open(tx);
      await closed;
    });
    return {
      tx: await opened,
      async release() {
        close();
        await ended;
      },
    };
  }

  /** Until so many transactions wait for a lock, or the one that is looked at has not waited at all. */
  async function waitingOrDone(n: number, work: Promise<unknown>): Promise<void> {
    let done = false;
    const note = () => void (done = true);
    work.then(note, note);
    await eventually(async () => {
      const { rows } = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        db,
      );
      if (!done) expect(rows).toHaveLength(n);
    });
  }

  async function breakConnection(tx: Transaction<Database>): Promise<void> {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(db);
  }
});
