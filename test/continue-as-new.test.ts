/** Workflows that live long continue as new, and lose nothing over it. The limits are lowered so that tests reach them. */
import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createJobCommands } from '../src/api/create-job-commands';
import { changeMembers, createGroup } from '../src/store/groups';
import { queuedExecution } from '../src/domain/execution';
import { findExecution } from '../src/store/executions';
import { queueExecutions } from '../src/store/transitions';
import { createJob, findJobState } from '../src/store/jobs';
import { executionWorkflowId, jobWorkflowId } from '../workflows/messages';
import { register, startEngine, TASK_QUEUE, type Engine } from './support/engine';
import { eventually } from './support/eventually';
import { startLocalTemporal } from './support/local-temporal';

let env: TestWorkflowEnvironment;
let engine: Engine;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await startLocalTemporal();
  engine = await startEngine(env);
});

afterAll(async () => {
  await engine.close();
  await env.teardown();
});

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(4, '0')}`);
}

function newJob(
  jobType: 'SNAPSHOT' | 'CONTINUOUS',
  targets: { thingNames?: string[]; thingGroupNames?: string[] },
) {
  return {
    jobId: randomUUID(),
    jobType,
    targets: { thingNames: [], thingGroupNames: [], ...targets },
    documentJson: '{}',
    timeoutConfig: {},
    createdBy: 'key:test',
  };
}

/** How many runs the workflow has had, the current one included. */
async function runsOf(workflowId: string): Promise<number> {
  let runs = 0;
  for await (const run of env.client.workflow.list({ query: `WorkflowId = "${workflowId}"` }))
    runs += run.runId ? 1 : 0;
  return runs;
}

it('a continuous job loses no join over many runs', async () => {
  const { db, client } = engine;
  const things = names('join', 60);
  await register(db, things);
  await createGroup(db, { name: 'joined', description: null, tags: [] }, Date.now());
  const request = newJob('CONTINUOUS', { thingGroupNames: ['joined'] });
  const workflowId = jobWorkflowId(request.jobId);
  await client.workflow.start('continuousJob', {
    workflowId,
    taskQueue: TASK_QUEUE,
    args: [{ request, stepsPerRun: 5 }],
  });
  await eventually(async () => expect(await findJobState(db, request.jobId)).toBeDefined());

  const commands = createJobCommands({ db, client, taskQueue: TASK_QUEUE, log: console as never });
  // In waves of more than a run takes, so that the number of runs does not hang on who is quicker.
  for (let wave = 0; wave < things.length; wave += 15) {
    for (let i = wave; i < wave + 15; i += 3) {
      const touched = await changeMembers(
        db,
        'joined',
        { add: things.slice(i, i + 3), remove: [] },
        Date.now(),
      );
      commands.membershipChanged(touched);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const joined = things.slice(0, wave + 15);
    await eventually(async () => {
      const executions = await Promise.all(joined.map((thing) => findExecution(db, request.jobId, thing)));
      expect(executions.map((row) => row?.status)).toEqual(joined.map(() => 'QUEUED'));
    });
  }
  await changeMembers(db, 'joined', { add: [], remove: things }, Date.now());
  commands.membershipChanged(['joined']);
  await eventually(async () => {
    const executions = await Promise.all(things.map((thing) => findExecution(db, request.jobId, thing)));
    expect(executions.map((row) => row?.status)).toEqual(things.map(() => 'REMOVED'));
  });
  await eventually(async () => expect(await runsOf(workflowId)).toBeGreaterThan(2));

  await commands.cancel(request.jobId, { by: 'key:test', force: false });
  await client.workflow.getHandle(workflowId).result();
});

it('a creation that is tried again watches its groups from where its targets were resolved', async () => {
  const { db } = engine;
  await register(db, ['late']);
  await createGroup(db, { name: 'tried-again', description: null, tags: [] }, Date.now());
  const request = newJob('CONTINUOUS', { thingGroupNames: ['tried-again'] });
  const first = await createJob(db, request, 1);
  await changeMembers(db, 'tried-again', { add: ['late'], remove: [] }, Date.now());
  expect(await createJob(db, request, 2)).toEqual(first);
});

it('a job of several pages completes over several runs', async () => {
  const { db, client } = engine;
  const things = names('page', 601);
  await register(db, things);
  const request = {
    ...newJob('SNAPSHOT', { thingNames: things }),
    timeoutConfig: { queuedTimeoutInMinutes: 1 / 60 },
  };
  const workflowId = jobWorkflowId(request.jobId);
  await client.workflow.start('job', {
    workflowId,
    taskQueue: TASK_QUEUE,
    args: [{ request, stepsPerRun: 1 }],
  });
  await eventually(async () => expect((await findJobState(db, request.jobId))?.status).toBe('COMPLETED'));
  const rows = await db
    .selectFrom('executions')
    .select('status')
    .where('jobId', '=', request.jobId)
    .execute();
  expect(rows.map(({ status }) => status)).toEqual(things.map(() => 'TIMED_OUT'));
  await eventually(async () => expect(await runsOf(workflowId)).toBeGreaterThan(2));
});

it('an execution whose device never stops reporting keeps every report', async () => {
  const { db, client, devices } = engine;
  const REPORTS = 100;
  await register(db, ['chatty']);
  const request = newJob('SNAPSHOT', { thingNames: ['chatty'] });
  const { jobId } = request;
  const state = queuedExecution(1, Date.now(), {});
  await createJob(db, request, Date.now());
  const input = {
    jobId,
    thingName: 'chatty',
    executionNumber: 1,
    queuedAt: state.queuedAt,
    timeouts: {},
    eventsPerRun: 50,
  };
  const workflowId = executionWorkflowId(jobId, 'chatty');
  await client.workflow.start('execution', { workflowId, taskQueue: TASK_QUEUE, args: [input] });
  const launches = [{ thingName: 'chatty', executionNumber: 1 }];
  await queueExecutions(db, { jobId, shard: 0, launches, state, cause: { by: 'key:test' } });

  const report = { kind: 'update', status: 'IN_PROGRESS', receivedAt: 0, topic: 't' } as const;
  for (let i = 1; i <= REPORTS; i++) {
    await devices.update('chatty', jobId, { ...report, statusDetails: { step: String(i) } });
    if (i % 5 !== 0) continue;
    await eventually(async () =>
      expect((await findExecution(db, jobId, 'chatty'))?.versionNumber).toBe(i + 1),
    );
  }
  await devices.update('chatty', jobId, { ...report, status: 'SUCCEEDED' });
  await client.workflow.getHandle(workflowId).result();
  expect(await findExecution(db, jobId, 'chatty')).toMatchObject({
    status: 'SUCCEEDED',
    versionNumber: REPORTS + 2,
  });
  await eventually(async () => expect(await runsOf(workflowId)).toBeGreaterThan(3));
});
