/**
 * A workflow task or an activity can be lost after it has written: Temporal then gives it to somebody again, and what
 * came in meanwhile may be heard first. What was recorded stands, and the workflow goes on from there.
 */
import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createJobCommands } from '../src/api/create-job-commands';
import { MINUTE } from '../src/domain/limits';
import type { ExecutionStatus } from '../src/domain/statuses';
import { findExecution, stateOf } from '../src/store/executions';
import { recordTransition } from '../src/store/transitions';
import { findJobState } from '../src/store/jobs';
import {
  cancelExecution,
  deletionWorkflowId,
  deviceRequest,
  executionWorkflowId,
  jobWorkflowId,
  type UpdateRequest,
} from '../workflows/messages';
import { register, startEngine, TASK_QUEUE, type Engine } from './support/engine';
import { eventually } from './support/eventually';
import { startLocalTemporal } from './support/local-temporal';

const THING = 'lamp';
const TOPIC = '$emqx/things/lamp/jobs/x/update';

let env: TestWorkflowEnvironment;
let engine: Engine;
/** What happens between the writing of a page of executions and the loss of the activity that wrote it. */
let beforeLoss: ((jobId: string) => Promise<void>) | undefined;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await startLocalTemporal();
  engine = await startEngine(env, ({ queueExecutions }) => ({
    async queueExecutions(page) {
      const queued = await queueExecutions(page);
      const happening = beforeLoss?.(page.jobId);
      beforeLoss = undefined;
      if (!happening) return queued;
      await happening;
      throw new Error('The worker was killed.');
    },
  }));
  await register(engine.db, [THING]);
});

afterAll(async () => {
  await engine.close();
  await env.teardown();
});

function jobCommands() {
  const { db, client } = engine;
  return createJobCommands({ db, client, taskQueue: TASK_QUEUE, log: console as never });
}

async function create(inProgressTimeoutInMinutes?: number): Promise<string> {
  const jobId = randomUUID();
  await jobCommands().create({
    jobId,
    jobType: 'SNAPSHOT',
    targets: { thingNames: [THING], thingGroupNames: [] },
    documentJson: '{}',
    timeoutConfig: { inProgressTimeoutInMinutes },
    createdBy: 'key:test',
  });
  return jobId;
}

async function launch(inProgressTimeoutInMinutes?: number): Promise<string> {
  const jobId = await create(inProgressTimeoutInMinutes);
  await eventually(async () => expect(await findExecution(engine.db, jobId, THING)).toBeDefined());
  return jobId;
}

/** What the lost task has left behind: a transition that Temporal knows nothing of. */
async function leaveRecord(
  jobId: string,
  status: ExecutionStatus,
  more: { startedAt?: number; finishedAt?: number; report?: UpdateRequest },
): Promise<void> {
  const { report, ...times } = more;
  const row = await findExecution(engine.db, jobId, THING);
  const state = { ...stateOf(row!), versionNumber: 2, status, lastUpdatedAt: Date.now(), ...times };
  const cause = { by: 'device' };
  await recordTransition(engine.db, { jobId, thingName: THING, from: 'QUEUED', state, cause, report });
}

const workflow = (jobId: string) => engine.client.workflow.getHandle(executionWorkflowId(jobId, THING));

const report = (jobId: string, request: Omit<UpdateRequest, 'kind' | 'receivedAt' | 'topic'>) =>
  workflow(jobId).signal(deviceRequest, { ...request, kind: 'update', receivedAt: Date.now(), topic: TOPIC });

async function transitions(jobId: string): Promise<string[]> {
  const rows = await engine.db
    .selectFrom('transitions')
    .select(['versionNumber', 'to'])
    .where('jobId', '=', jobId)
    .orderBy('versionNumber')
    .execute();
  return rows.map(({ versionNumber, to }) => `${versionNumber} ${to}`);
}

const answerTo = (clientToken: string) =>
  eventually(() => {
    const answer = engine.published.find(({ body }) => body.clientToken === clientToken);
    expect(answer).toBeDefined();
    return answer!;
  });

it('refuses a report that came after an end that was recorded already', async () => {
  const jobId = await launch();
  await leaveRecord(jobId, 'TIMED_OUT', { finishedAt: Date.now() });
  await report(jobId, { status: 'IN_PROGRESS', clientToken: 'too-late', includeJobExecutionState: true });

  expect(await answerTo('too-late')).toMatchObject({
    topic: `${TOPIC}/rejected`,
    body: { code: 'InvalidStateTransition', executionState: { status: 'TIMED_OUT', versionNumber: 2 } },
  });
  expect(await workflow(jobId).result()).toEqual({ status: 'TIMED_OUT' });
  expect(await transitions(jobId)).toEqual(['1 QUEUED', '2 TIMED_OUT']);
});

it('knows a report again that was recorded already', async () => {
  const jobId = await launch();
  // Both are heard in one task.
  await engine.stopWorker();
  const done = { kind: 'update', status: 'SUCCEEDED', clientToken: 'first', receivedAt: 0 } as const;
  await leaveRecord(jobId, 'SUCCEEDED', { finishedAt: Date.now(), report: done });
  await workflow(jobId).signal(cancelExecution, { by: 'key:test', force: true });
  await report(jobId, done);
  await engine.startWorker();

  expect(await answerTo('first')).toMatchObject({ topic: `${TOPIC}/accepted` });
  expect(await workflow(jobId).result()).toEqual({ status: 'SUCCEEDED' });
  expect(await transitions(jobId)).toEqual(['1 QUEUED', '2 SUCCEEDED']);
});

it('keeps the timer of a start that was recorded already', async () => {
  const jobId = await launch(1);
  await leaveRecord(jobId, 'IN_PROGRESS', { startedAt: Date.now() - MINUTE + 500 });
  await workflow(jobId).signal(cancelExecution, { by: 'key:test', force: false });

  expect(await workflow(jobId).result()).toEqual({ status: 'TIMED_OUT' });
  expect(await transitions(jobId)).toEqual(['1 QUEUED', '2 IN_PROGRESS', '3 TIMED_OUT']);
});

it('cancels executions of a job that was canceled before it heard that they are there', async () => {
  beforeLoss = (jobId) => jobCommands().cancel(jobId, { by: 'key:test', force: false });
  const jobId = await launch();

  expect(await workflow(jobId).result()).toEqual({ status: 'CANCELED' });
  expect(await transitions(jobId)).toEqual(['1 QUEUED', '2 CANCELED']);
});

it('ends a job that was deleted before it heard that its executions are there', async () => {
  beforeLoss = async (jobId) => {
    await jobCommands().delete(jobId, { by: 'key:test', force: true });
    await engine.client.workflow.getHandle(deletionWorkflowId(jobId)).result();
  };
  const jobId = await create();

  await engine.client.workflow.getHandle(jobWorkflowId(jobId)).result();
  expect(await findJobState(engine.db, jobId)).toBeUndefined();
});
