/**
 * The queue of a job and its one launcher against everything that comes between: things that leave and join, a
 * cancellation, a deletion, at any moment. On both stores. `STORIES=20` tells each story of random moments so often.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createJobCommands } from '../src/api/create-job-commands';
import type { ExecutionStatus } from '../src/domain/statuses';
import type { StoreLocation } from '../src/store/database';
import { findExecution } from '../src/store/executions';
import { changeMembers, createGroup, deleteGroup } from '../src/store/groups';
import { findJob, listTargets } from '../src/store/job-queries';
import { findJobState } from '../src/store/jobs';
import { batchWorkflowId, executionWorkflowId, jobWorkflowId } from '../workflows/messages';
import { register, startEngine, TASK_QUEUE, type Engine } from './support/engine';
import { eventually } from './support/eventually';
import { startLocalTemporal } from './support/local-temporal';
import { describeWithPostgres } from './support/postgres';
import { freshDatabases } from './support/stores';

const STORIES = Number(process.env.STORIES ?? 3);
const LONG = 120_000;

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await startLocalTemporal();
});
afterAll(() => env.teardown());

describe('on SQLite', () => tests(() => Promise.resolve(undefined)));
describeWithPostgres('on PostgreSQL', () => {
  const databases = freshDatabases();
  tests(async () => ({ url: await databases.create(), poolSize: 5 }));
});

function tests(locate: () => Promise<StoreLocation | undefined>): void {
  let engine: Engine;
  /** While it is closed, executions of canceled jobs do not hear of it. */
  let gate = Promise.resolve();
  let registered = 0;

  beforeAll(async () => {
    const around = ({ cancelExecutions }: Parameters<NonNullable<Parameters<typeof startEngine>[1]>>[0]) => ({
      async cancelExecutions(...args: Parameters<typeof cancelExecutions>) {
        await gate;
        await cancelExecutions(...args);
      },
    });
    engine = await startEngine(env, around, await locate());
  }, LONG);
  afterAll(() => engine.close());

  const commands = () =>
    createJobCommands({ db: engine.db, client: engine.client, taskQueue: TASK_QUEUE, log: console as never });

  async function newThings(count: number): Promise<string[]> {
    const names = Array.from({ length: count }, () => `thing-${String(registered++).padStart(6, '0')}`);
    await register(engine.db, names);
    return names;
  }

  async function newGroup(members: string[], name: string = randomUUID()): Promise<string> {
    await createGroup(engine.db, { name, description: null, tags: [] }, Date.now());
    await change(name, { add: members });
    return name;
  }

  async function change(group: string, members: { add?: string[]; remove?: string[] }): Promise<void> {
    const { add = [], remove = [] } = members;
    commands().membershipChanged(await changeMembers(engine.db, group, { add, remove }, Date.now()));
  }

  /** @param stepsPerRun lowered, the job continues as new all the time */
  async function start(
    jobType: 'SNAPSHOT' | 'CONTINUOUS',
    targets: { thingNames?: string[]; thingGroupNames?: string[] },
    stepsPerRun?: number,
  ): Promise<string> {
    const jobId = randomUUID();
    const request = {
      ...{ jobId, jobType, documentJson: '{}', timeoutConfig: {}, createdBy: 'key:test' },
      targets: { thingNames: [], thingGroupNames: [], ...targets },
    };
    if (stepsPerRun === undefined) {
      await commands().create(request);
      return jobId;
    }
    await engine.client.workflow.start(jobType === 'CONTINUOUS' ? 'continuousJob' : 'job', {
      workflowId: jobWorkflowId(jobId),
      taskQueue: TASK_QUEUE,
      args: [{ request, stepsPerRun }],
    });
    await eventually(async () => expect(await findJobState(engine.db, jobId)).toBeDefined());
    return jobId;
  }

  const statusOf = async (jobId: string, thing: string) =>
    (await findExecution(engine.db, jobId, thing))?.status;

  async function statuses(jobId: string, things: string[]): Promise<(ExecutionStatus | undefined)[]> {
    return Promise.all(things.map((thing) => statusOf(jobId, thing)));
  }

  const untilAll = (jobId: string, things: string[], status: ExecutionStatus) =>
    eventually(async () => expect(await statuses(jobId, things)).toEqual(things.map(() => status)), LONG);

  const untilIs = (jobId: string, thing: string, fields: Record<string, unknown>) =>
    eventually(async () => expect(await findExecution(engine.db, jobId, thing)).toMatchObject(fields), LONG);

  const closed = (workflowId: string) => engine.client.workflow.getHandle(workflowId).result();
  const moment = (most: number) => sleep(Math.random() * most);
  const report = { kind: 'update', receivedAt: 0, topic: 't' } as const;

  it.each(Array.from({ length: STORIES }, (_, i) => i))(
    'a continuous job reaches all that leave while it is launched and join again (story %i)',
    async (story) => {
      const things = await newThings(100);
      const [late, later] = (await newThings(2)) as [string, string];
      const group = await newGroup(things);
      const jobId = await start('CONTINUOUS', { thingGroupNames: [group] });
      await moment(1_500);
      const leaving = things.filter(() => Math.random() < 0.5);
      await change(group, { remove: leaving });
      if (story % 2 === 0) {
        await untilAll(
          jobId,
          things.filter((thing) => !leaving.includes(thing)),
          'QUEUED',
        );
        await eventually(async () => expect(await statuses(jobId, leaving)).not.toContain('QUEUED'), LONG);
      }
      await moment(300);
      await change(group, { add: [...leaving, late] });
      await untilAll(jobId, [...things, late], 'QUEUED');

      await change(group, { add: [later] });
      await untilAll(jobId, [later], 'QUEUED');
      const { targetCounts, executionCounts } = await findJob(engine.db, jobId);
      expect(targetCounts).toEqual({ total: 102, launched: 102, notLaunched: 0 });
      expect(executionCounts.QUEUED).toBe(102);
      await commands().cancel(jobId, { by: 'key:test', force: false });
      await closed(jobWorkflowId(jobId));
      await untilAll(jobId, things, 'CANCELED');
    },
    4 * LONG,
  );

  it.each(Array.from({ length: STORIES }, (_, i) => i))(
    'a job that continues as new all the time hears a cancellation or deletion at any moment (story %i)',
    async (story) => {
      const things = await newThings(450);
      const jobId = await start('SNAPSHOT', { thingNames: things }, 1);
      await moment(2_500);
      if (story % 2 === 0) await commands().cancel(jobId, { by: 'key:test', force: false });
      // A deletion may follow at once, or when all have heard of the cancellation.
      if (story % 4 === 0) {
        await closed(jobWorkflowId(jobId));
        await eventually(async () => {
          const { targetCounts, executionCounts } = await findJob(engine.db, jobId);
          expect(executionCounts).toMatchObject({ QUEUED: 0, CANCELED: targetCounts.launched });
          expect(targetCounts.total).toBe(450);
        }, LONG);
      }
      await commands().delete(jobId, { by: 'key:test', force: story % 2 === 1 });
      await closed(jobWorkflowId(jobId));
      await eventually(async () => expect(await findJobState(engine.db, jobId)).toBeUndefined(), LONG);
      // Batches that were being launched come to their ends, and leave nothing behind either.
      for (const first of [0, 200, 400]) await closed(batchWorkflowId(jobId, first)).catch(() => {});
      for (const table of ['executions', 'transitions', 'job_targets', 'job_counts', 'job_groups'] as const)
        expect(await engine.db.selectFrom(table).selectAll().where('jobId', '=', jobId).execute()).toEqual(
          [],
        );
    },
    4 * LONG,
  );

  it('a deletion with force goes through beside one without', async () => {
    const [thing] = (await newThings(1)) as [string];
    for (let i = 0; i < 5; i++) {
      const jobId = await start('SNAPSHOT', { thingNames: [thing] });
      const remove = (force: boolean) => commands().delete(jobId, { by: 'key:test', force });
      const [unforced] = await Promise.allSettled([remove(false), remove(true)]);
      if (unforced.status === 'rejected') expect(unforced.reason).toMatchObject({ code: 'JobActive' });
      await eventually(async () => expect(await findJobState(engine.db, jobId)).toBeUndefined(), LONG);
    }
  });

  it('a record that was deleted does not come back when the job is canceled', async () => {
    const things = await newThings(2);
    const [done, open] = things as [string, string];
    const jobId = await start('SNAPSHOT', { thingNames: things });
    await untilAll(jobId, things, 'QUEUED');
    await engine.devices.update(done, jobId, { ...report, status: 'SUCCEEDED' });
    await untilIs(jobId, done, { status: 'SUCCEEDED' });
    await commands().deleteExecution(jobId, done, { by: 'key:test', force: false });
    await commands().cancel(jobId, { by: 'key:test', force: true });
    await untilIs(jobId, open, { status: 'CANCELED' });
    await closed(jobWorkflowId(jobId));
    expect(await findExecution(engine.db, jobId, done)).toBeUndefined();
    const { targetCounts, executionCounts } = await findJob(engine.db, jobId);
    expect(targetCounts).toEqual({ total: 2, launched: 2, notLaunched: 0 });
    expect(executionCounts).toMatchObject({ CANCELED: 1, SUCCEEDED: 0 });
  });

  it.each([
    ['an update', 'IN_PROGRESS'],
    ['an update', 'SUCCEEDED'],
  ] as const)('nothing queued of a canceled job is taken up by %s to %s', async (_, status) => {
    const [thing] = (await newThings(1)) as [string];
    const jobId = await start('SNAPSHOT', { thingNames: [thing] });
    await untilIs(jobId, thing, { status: 'QUEUED' });
    let open!: () => void;
    gate = new Promise((resolve) => (open = resolve));
    await commands().cancel(jobId, { by: 'key:test', force: false, reasonCode: 'BAD_IMAGE' });
    engine.published.length = 0;
    await engine.devices.update(thing, jobId, { ...report, topic: 'answer', status });
    const answer = await eventually(() => engine.published.find(({ topic }) => topic.startsWith('answer'))!);
    await eventually(
      () => expect(engine.published.map(({ topic }) => topic)).toContain('answer/rejected'),
      LONG,
    );
    open();
    expect(answer?.body ?? engine.published[0]?.body).toBeDefined();
    const rejection = engine.published.find(({ topic }) => topic === 'answer/rejected');
    expect(rejection?.body).toMatchObject({
      code: 'InvalidStateTransition',
      executionState: { status: 'CANCELED' },
    });
    await untilIs(jobId, thing, { status: 'CANCELED', startedAt: null });
  });

  it('a cancellation is raised to force while devices are at work, and refused when none is', async () => {
    const things = await newThings(3);
    const [working, other] = things as [string, string, string];
    const jobId = await start('SNAPSHOT', { thingNames: things });
    await untilAll(jobId, things, 'QUEUED');
    for (const thing of [working, other]) {
      await engine.devices.startNext(thing, { kind: 'start-next', receivedAt: 0, topic: 't' });
      await untilIs(jobId, thing, { status: 'IN_PROGRESS' });
    }
    const cancel = (force: boolean, more: object = {}) =>
      commands().cancel(jobId, { by: 'key:test', force, ...more });
    await cancel(false, { reasonCode: 'FIRST' });
    await untilIs(jobId, things[2]!, { status: 'CANCELED' });
    await expect(cancel(false)).rejects.toMatchObject({ code: 'JobNotActive' });
    expect(await statuses(jobId, [working, other])).toEqual(['IN_PROGRESS', 'IN_PROGRESS']);
    await engine.devices.update(other, jobId, { ...report, status: 'SUCCEEDED' });
    await untilIs(jobId, other, { status: 'SUCCEEDED' });

    await cancel(true, { comment: 'it bricks them' });
    await untilIs(jobId, working, { status: 'CANCELED' });
    expect(await findJob(engine.db, jobId)).toMatchObject({
      status: 'CANCELED',
      reasonCode: 'FIRST',
      comment: 'it bricks them',
    });
    await expect(cancel(true)).rejects.toMatchObject({ code: 'JobNotActive' });
  });

  it('a cancellation with force that comes while the first one is carried out stops devices at work', async () => {
    const things = await newThings(2);
    const [working] = things as [string, string];
    const jobId = await start('SNAPSHOT', { thingNames: things });
    await untilAll(jobId, things, 'QUEUED');
    await engine.devices.startNext(working, { kind: 'start-next', receivedAt: 0, topic: 't' });
    await untilIs(jobId, working, { status: 'IN_PROGRESS' });
    let open!: () => void;
    gate = new Promise((resolve) => (open = resolve));
    await commands().cancel(jobId, { by: 'key:test', force: false });
    await commands().cancel(jobId, { by: 'key:test', force: true });
    open();
    await untilAll(jobId, things, 'CANCELED');
  });

  it('a thing that leaves while it is at work may finish, and gets a new attempt only after that', async () => {
    const [thing] = (await newThings(1)) as [string];
    const group = await newGroup([thing]);
    const jobId = await start('CONTINUOUS', { thingGroupNames: [group] });
    await untilIs(jobId, thing, { status: 'QUEUED' });
    await engine.devices.startNext(thing, { kind: 'start-next', receivedAt: 0, topic: 't' });
    await untilIs(jobId, thing, { status: 'IN_PROGRESS' });
    const total = (n: number) =>
      eventually(async () => expect((await findJob(engine.db, jobId)).targetCounts.total).toBe(n), LONG);

    await change(group, { remove: [thing] });
    await total(0);
    await change(group, { add: [thing] });
    await total(1);
    expect((await listTargets(engine.db, jobId, {}, { limit: 5 })).items).toEqual([
      { thingName: thing, state: 'LAUNCHED' },
    ]);
    await change(group, { remove: [thing] });
    await total(0);
    await engine.devices.update(thing, jobId, { ...report, status: 'SUCCEEDED' });
    await untilIs(jobId, thing, { status: 'SUCCEEDED', executionNumber: 1 });
    await change(group, { add: [thing] });
    await untilIs(jobId, thing, { status: 'QUEUED', executionNumber: 2 });
  });

  it('a group that is made anew under the name of a deleted one feeds no old job', async () => {
    const [member, other] = (await newThings(2)) as [string, string];
    const group = await newGroup([member]);
    const old = await start('CONTINUOUS', { thingGroupNames: [group] });
    await untilIs(old, member, { status: 'QUEUED' });
    commands().membershipChanged(await deleteGroup(engine.db, group, Date.now()));
    await untilIs(old, member, { status: 'REMOVED' });

    await newGroup([other], group);
    const fresh = await start('CONTINUOUS', { thingGroupNames: [group] });
    await untilIs(fresh, other, { status: 'QUEUED' });
    commands().membershipChanged();
    await change(group, { add: [member] });
    await untilIs(fresh, member, { status: 'QUEUED' });
    expect((await findJob(engine.db, old)).targetCounts.total).toBe(0);
    expect(await findExecution(engine.db, old, other)).toBeUndefined();
  });

  it('an execution that was terminated in Temporal holds up neither its thing nor its job', async () => {
    const [thing] = (await newThings(1)) as [string];
    const broken = await start('SNAPSHOT', { thingNames: [thing] });
    await untilIs(broken, thing, { status: 'QUEUED' });
    const next = await start('SNAPSHOT', { thingNames: [thing] });
    await untilIs(next, thing, { status: 'QUEUED' });
    await engine.client.workflow.getHandle(executionWorkflowId(broken, thing)).terminate();
    await engine.devices.startNext(thing, { kind: 'start-next', receivedAt: 0, topic: 't' });
    await untilIs(next, thing, { status: 'IN_PROGRESS' });
    await untilIs(broken, thing, { status: 'CANCELED' });
    await closed(jobWorkflowId(broken));
    expect((await findJob(engine.db, broken)).executionCounts).toMatchObject({ QUEUED: 0, CANCELED: 1 });
  });

  it('a thing of a continuous job whose execution was terminated long ago gets its next job', async () => {
    const [first, thing] = (await newThings(2)) as [string, string];
    const group = await newGroup([first]);
    const broken = await start('CONTINUOUS', { thingGroupNames: [group] }, 1);
    await change(group, { add: [thing] });
    await untilIs(broken, thing, { status: 'QUEUED' });
    // Runs that launched it are over: nobody hears how it ends.
    await change(group, { remove: [first] });
    await untilIs(broken, first, { status: 'REMOVED' });
    const next = await start('SNAPSHOT', { thingNames: [thing] });
    await untilIs(next, thing, { status: 'QUEUED' });
    await engine.client.workflow.getHandle(executionWorkflowId(broken, thing)).terminate();
    const answer = await engine.devices.startNext(thing, { kind: 'start-next', receivedAt: 0 });
    expect(JSON.parse(answer!.json)).toMatchObject({ execution: { jobId: next } });
    expect(await statusOf(broken, thing)).toBe('CANCELED');
  });
}
