/** What the console reads: how everything stands, how jobs went on, what a job would reach. */
import request from 'supertest';
import { basic, openApi, type TestApi } from '../../test/support/api';
import { describeOnEachStore } from '../../test/support/stores';
import { jobProgress, overview, thing } from '../contract/rest';
import { queuedExecution, type ExecutionState } from '../domain/execution';
import type { ExecutionStatus } from '../domain/statuses';
import { allDisconnected, recordConnections } from '../store/connections';
import type { Db } from '../store/database';
import { deleteExecution, queueExecutions, recordTransition } from '../store/transitions';
import { changeMembers, createGroup } from '../store/groups';
import {
  cancelJob,
  completeJob,
  createJob,
  deleteRecordPage,
  deleteJobRow,
  markJobDeleted,
} from '../store/jobs';
import { createProgressSampler } from '../store/progress';
import { markThingDeleted, registerThings } from '../store/things';

const MINUTE = 60_000;

describeOnEachStore((stores) => {
  let db: Db;
  let api: TestApi;
  let now: number;
  beforeEach(async () => {
    db = await stores.open();
    api = await openApi({ db });
    now = Date.now();
    await registerThings(
      db,
      ['a', 'b', 'c', 'd'].map((name) => ({ name, tags: [], attributes: {} })),
      now,
    );
  });
  afterEach(() => api.stop());

  const get = async (path: string) => {
    const { body } = await request(api.url).get(`/api/v1${path}`).set(basic()).expect(200);
    return body;
  };
  const post = (path: string, body: object) =>
    request(api.url).post(`/api/v1${path}`).set(basic()).send(body);
  const cause = { by: 'device' };

  async function job(jobId: string, thingNames: string[], at = now): Promise<void> {
    await createJob(
      db,
      {
        ...{
          jobId,
          name: `job ${jobId}`,
          jobType: 'SNAPSHOT',
          documentJson: '{}',
          timeoutConfig: {},
          createdBy: 'key:x',
        },
        targets: { thingNames, thingGroupNames: [] },
      },
      at,
    );
    const launches = thingNames.map((thingName) => ({ thingName, executionNumber: 1 }));
    const state = queuedExecution(1, at, {});
    await queueExecutions(db, { jobId, shard: 0, launches, state, cause });
  }

  async function move(jobId: string, thingName: string, path: ExecutionStatus[], at = now): Promise<void> {
    let state: ExecutionState = queuedExecution(1, at, {});
    for (const status of path) {
      const from = state.status;
      state = { ...state, status, versionNumber: state.versionNumber + 1, startedAt: at, lastUpdatedAt: at };
      await recordTransition(db, { jobId, thingName, from, state, cause });
    }
  }

  it('tells how everything stands', async () => {
    await job('old', ['a'], now - 40 * MINUTE);
    await move('old', 'a', ['IN_PROGRESS'], now - 20 * MINUTE);
    await job('new', ['b', 'c', 'd']);
    await move('new', 'b', ['IN_PROGRESS', 'FAILED']);
    await move('new', 'c', ['IN_PROGRESS', 'SUCCEEDED']);
    await move('new', 'd', ['IN_PROGRESS']);
    await job('long ago', ['d'], now - 3 * 24 * 60 * MINUTE);
    await move('long ago', 'd', ['IN_PROGRESS', 'REJECTED'], now - 2 * 24 * 60 * MINUTE);
    await completeJob(db, 'long ago', now - 2 * 24 * 60 * MINUTE);
    await recordConnections(db, [{ thingName: 'a', connected: true, at: now }]);

    const body = await get('/overview');
    expect(body).toEqual(overview.parse(body));
    expect(body).toMatchObject({
      jobs: { IN_PROGRESS: 2, COMPLETED: 1, CANCELED: 0, DELETION_IN_PROGRESS: 0 },
      executions: { QUEUED: 0, IN_PROGRESS: 2, SUCCEEDED: 1, FAILED: 1, REJECTED: 0 },
      running: [{ jobId: 'new', executionCounts: { FAILED: 1 } }, { jobId: 'old' }],
      attention: {
        jobs: [{ jobId: 'new' }],
        executions: [{ jobId: 'old', thingName: 'a', jobName: 'job old' }],
      },
      things: { total: 4, connected: 1 },
    });
    expect(body.attention.jobs).toHaveLength(1);
    expect(body.attention.executions).toHaveLength(1);
    expect(body.activity.map(({ type, jobId, thingName }: any) => [type, jobId, thingName])).toEqual([
      ['job.updated', 'long ago', null],
      ['execution.changed', 'long ago', 'd'],
      ['job.created', 'long ago', null],
      ['execution.changed', 'new', 'b'],
      ['job.created', 'new', null],
      ['job.created', 'old', null],
    ]);
    expect(body.activity[3]).toMatchObject({ jobName: 'job new', data: { to: 'FAILED', by: 'device' } });
  });

  it('remembers the name of a deleted job, and what became of it', async () => {
    await job('x', ['a']);
    await cancelJob(db, 'x', { by: 'key:y', dispatch: 'NONE' }, now);
    await move('x', 'a', ['CANCELED']);
    await deleteExecution(db, 'x', 'a', now);
    await markJobDeleted(db, 'x', { by: 'key:y', force: false }, now);
    await deleteRecordPage(db, 'x', '', 10);
    await deleteJobRow(db, 'x', now);
    await deleteJobRow(db, 'x', now);
    const { activity } = await get('/overview');
    expect(activity.map(({ type, jobName, data }: any) => [type, jobName, data.status, data.by])).toEqual([
      ['job.deleted', 'job x', undefined, undefined],
      ['job.updated', 'job x', 'DELETION_IN_PROGRESS', 'key:y'],
      ['job.updated', 'job x', 'CANCELED', 'key:y'],
      ['job.created', 'job x', 'IN_PROGRESS', undefined],
    ]);
  });

  it('tells how a job went on', async () => {
    const created = now - 10 * MINUTE;
    await job('x', ['a', 'b'], created);
    const sample = createProgressSampler(db);
    const other = createProgressSampler(db);
    const sampleAt = async (seconds: number) => {
      await sample(created + seconds * 1_000);
      await other(created + seconds * 1_000);
    };
    await sampleAt(1);
    await move('x', 'a', ['IN_PROGRESS'], created);
    await sampleAt(6);
    await sampleAt(12);
    await sampleAt(13);
    await move('x', 'b', ['FAILED'], created);
    await sampleAt(14);
    await sampleAt(18);
    await sampleAt(20);
    const { points } = await get('/jobs/x/progress');
    expect({ points }).toEqual(jobProgress.parse({ points }));
    const seconds = (at: string) => Math.round((Date.parse(at) - created) / 1_000);
    expect(
      points
        .slice(0, -1)
        .map(({ at, executionCounts: n }: any) => [seconds(at), n.QUEUED, n.IN_PROGRESS, n.FAILED]),
    ).toEqual([
      [0, 0, 0, 0],
      [6, 1, 1, 0],
      [14, 0, 1, 1],
    ]);
    expect(Date.parse(points.at(-1).at)).toBeGreaterThanOrEqual(now);

    await completeJob(db, 'x', created + MINUTE);
    const { points: ended } = await get('/jobs/x/progress');
    expect(ended.at(-1)).toMatchObject({
      at: new Date(created + MINUTE).toISOString(),
      executionCounts: { FAILED: 1 },
    });
    await deleteJobRow(db, 'x', now);
    expect(await db.selectFrom('job_progress').selectAll().execute()).toEqual([]);
    await request(api.url).get('/api/v1/jobs/x/progress').set(basic()).expect(404);
  });

  it('counts what a job would reach, each thing once', async () => {
    await createGroup(db, { name: 'g', description: null, tags: [] }, now);
    await createGroup(db, { name: 'h', description: null, tags: [] }, now);
    await changeMembers(db, 'g', { add: ['a', 'b'], remove: [] }, now);
    await changeMembers(db, 'h', { add: ['b', 'c'], remove: [] }, now);
    const reach = async (thingNames: string[], thingGroupNames: string[]) =>
      (await post('/jobs/preview', { targets: { thingNames, thingGroupNames } }).expect(200)).body as unknown;
    expect(await reach(['a', 'a', 'd'], [])).toEqual({ thingCount: 2 });
    expect(await reach([], ['g', 'h'])).toEqual({ thingCount: 3 });
    expect(await reach(['c', 'd'], ['g', 'h', 'g'])).toEqual({ thingCount: 4 });
    const { body } = await post('/jobs/preview', { targets: { thingNames: ['a', 'x'] } }).expect(422);
    expect(body).toMatchObject({ code: 'UnknownTarget', errors: [{ path: 'targets.thingNames.1' }] });
    await post('/jobs/preview', { targets: {} }).expect(400);
  });

  it('knows which things are connected', async () => {
    const change = (thingName: string, connected: boolean, at: number) => ({ thingName, connected, at });
    await recordConnections(db, [
      change('a', true, 1_000),
      change('b', true, 2_000),
      change('nobody', true, 1),
    ]);
    await recordConnections(db, [change('a', true, 5_000), change('b', false, 6_000)]);
    const names = async (query: string) =>
      (await get(`/things${query}`)).items.map(({ name }: any) => name as string);
    const one = await get('/things/a');
    expect(one).toEqual(thing.parse(one));
    expect(one.connection).toEqual({ connected: true, at: '1970-01-01T00:00:01.000Z' });
    expect((await get('/things/b')).connection).toEqual({ connected: false, at: '1970-01-01T00:00:06.000Z' });
    expect((await get('/things/c')).connection).toBeNull();
    expect(await names('?connected=true')).toEqual(['a']);
    expect(await names('?connected=false')).toEqual(['b', 'c', 'd']);
    expect(await names('?connected=true&name=b')).toEqual([]);

    await allDisconnected(db, 9_000);
    expect((await get('/things/a')).connection).toEqual({ connected: false, at: '1970-01-01T00:00:09.000Z' });
    const events = await db.selectFrom('events').select(['type', 'thingName', 'at']).orderBy('seq').execute();
    expect(events.map(({ type, thingName, at }) => [type, thingName, at])).toEqual([
      ['thing.connected', 'a', 1_000],
      ['thing.connected', 'b', 2_000],
      ['thing.disconnected', 'b', 6_000],
      ['thing.disconnected', 'a', 9_000],
    ]);
  });

  it('counts no thing that is gone', async () => {
    await recordConnections(db, [{ thingName: 'a', connected: true, at: now }]);
    await markThingDeleted(db, 'a', now);
    expect((await get('/overview')).things).toEqual({ total: 3, connected: 0 });
  });

  it('finds types and groups by what their names begin with, and executions with the names of their jobs', async () => {
    for (const name of ['lamp', 'lamp 2', 'lock']) await post('/thing-types', { name }).expect(201);
    const names = async (path: string) => (await get(path)).items.map(({ name }: any) => name as string);
    expect(await names('/thing-types?name=la')).toEqual(['lamp', 'lamp 2']);
    expect(await names('/thing-groups?name=lo')).toEqual(['lock (default)']);
    await job('x', ['a']);
    expect((await get('/things/a/jobs')).items).toMatchObject([{ jobId: 'x', jobName: 'job x' }]);
  });
});

it('does not guess how many things are connected where the broker does not tell', async () => {
  const api = await openApi({ knowsConnections: false });
  const { body } = await request(api.url).get('/api/v1/overview').set(basic()).expect(200);
  expect((body as { things: object }).things).toEqual({ total: 0, connected: null });
  await api.stop();
});
