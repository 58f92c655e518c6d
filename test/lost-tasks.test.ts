/**
 * A workflow task can be lost after its activities have written: Temporal then gives it to somebody again, and what
 * came in meanwhile may be heard first. What was recorded stands, and the workflow goes on from there.
 */
import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, type Worker } from '@temporalio/worker';
import { createJobCommands } from '../src/api/create-job-commands';
import { MINUTE } from '../src/domain/limits';
import type { ExecutionStatus } from '../src/domain/statuses';
import { findExecution, recordTransition, stateOf } from '../src/store/executions';
import {
  cancelExecution,
  deviceRequest,
  executionWorkflowId,
  type UpdateRequest,
} from '../workflows/messages';
import { createEngine, register, TASK_QUEUE, type Engine } from './support/engine';
import { eventually } from './support/eventually';
import { startLocalTemporal } from './support/local-temporal';

const THING = 'lamp';
const TOPIC = '$emqx/things/lamp/jobs/x/update';

let env: TestWorkflowEnvironment;
let engine: Engine;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await startLocalTemporal();
  engine = await createEngine(env.client, env.nativeConnection);
  worker = await engine.createWorker();
  running = worker.run();
  await register(engine.db, [THING]);
});

afterAll(async () => {
  worker.shutdown();
  await running;
  await engine.close();
  await env.teardown();
});

async function launch(inProgressTimeoutInMinutes?: number): Promise<string> {
  const { db, client } = engine;
  const jobId = randomUUID();
  const commands = createJobCommands({ db, client, taskQueue: TASK_QUEUE, log: console as never });
  await commands.create({
    jobId,
    jobType: 'SNAPSHOT',
    targets: { thingNames: [THING], thingGroupNames: [] },
    document: {},
    timeoutConfig: { inProgressTimeoutInMinutes },
    createdBy: 'key:test',
  });
  await eventually(async () => expect(await findExecution(db, jobId, THING)).toBeDefined());
  return jobId;
}

/** What the lost task has left behind: a transition that Temporal knows nothing of. */
async function leaveRecord(
  jobId: string,
  status: ExecutionStatus,
  more: { startedAt?: number; finishedAt?: number; clientToken?: string },
): Promise<void> {
  const { clientToken, ...times } = more;
  const row = await findExecution(engine.db, jobId, THING);
  const state = { ...stateOf(row!), versionNumber: 2, status, lastUpdatedAt: Date.now(), ...times };
  const cause = { by: 'device' };
  await recordTransition(engine.db, { jobId, thingName: THING, from: 'QUEUED', state, cause, clientToken });
}

const workflow = (jobId: string) => engine.client.workflow.getHandle(executionWorkflowId(jobId, THING));

const report = (jobId: string, request: Omit<UpdateRequest, 'kind' | 'receivedAt' | 'topic'>) =>
  workflow(jobId).signal(deviceRequest, { kind: 'update', receivedAt: Date.now(), topic: TOPIC, ...request });

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
  worker.shutdown();
  await running;
  await leaveRecord(jobId, 'SUCCEEDED', { finishedAt: Date.now(), clientToken: 'first' });
  await workflow(jobId).signal(cancelExecution, { by: 'key:test', force: true });
  await report(jobId, { status: 'SUCCEEDED', clientToken: 'first' });
  worker = await engine.createWorker();
  running = worker.run();

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
