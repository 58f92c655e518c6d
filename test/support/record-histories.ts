/**
 * Records the histories that the replay test keeps: `npm run record-histories -- NAME`, once per release that
 * changes workflow code. Recorded files are never changed again: executions of that release may still be open.
 */
import fs from 'node:fs';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { findTemporalExecutable } from '../../src/runtime/temporal-executable';
import { ensureSearchAttributes } from '../../src/runtime/temporal-connection';
import { createJobCommands } from '../../src/api/create-job-commands';
import { findExecution } from '../../src/store/executions';
import { findJobState } from '../../src/store/jobs';
import { changeMember, createGroup } from '../../src/store/groups';
import {
  executionWorkflowId,
  jobWorkflowId,
  batchWorkflowId,
  cancellationWorkflowId,
  deletionWorkflowId,
  SEARCH_ATTRIBUTES,
} from '../../workflows/messages';
import { BATCH_SIZE } from '../../src/domain/limits';
import { register, startEngine, TASK_QUEUE, type Engine } from './engine';
import { eventually } from './eventually';

const DIRECTORY = path.resolve(process.cwd(), 'test/histories');

async function main(release: string): Promise<void> {
  const executable = await findTemporalExecutable(process.env, console.log);
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: executable } },
  });
  await ensureSearchAttributes(env.connection, 'default', SEARCH_ATTRIBUTES);
  const engine = await startEngine(env);
  try {
    await record(engine, path.join(DIRECTORY, release));
  } finally {
    await engine.close();
    await env.teardown();
  }
}

async function record(engine: Engine, directory: string): Promise<void> {
  fs.mkdirSync(directory, { recursive: true });
  const { client, db, devices } = engine;
  const commands = createJobCommands({ db, client, taskQueue: TASK_QUEUE, log: console as never });
  const names = Array.from({ length: 201 }, (_, i) => `thing-${String(i).padStart(3, '0')}`);
  await register(db, names);
  await createGroup(db, { name: 'all', description: null, tags: [] }, Date.now());

  const save = async (name: string, workflowId: string, runId?: string) => {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    fs.writeFileSync(path.join(directory, `${name}.json`), anonymous(historyToJSON(history)));
    console.log(`recorded ${name}: ${history.events?.length} events`);
  };
  const create = async (thingNames: string[], more: object = {}) => {
    const jobId = randomUUID();
    await commands.create({
      jobId,
      targets: { thingNames, thingGroupNames: [] },
      documentJson: '{"action":"reboot"}',
      jobType: 'SNAPSHOT' as const,
      timeoutConfig: { inProgressTimeoutInMinutes: 60, queuedTimeoutInMinutes: 600 },
      createdBy: 'key:test',
      ...more,
    });
    return jobId;
  };
  const until = (jobId: string, thing: string, status: string, attempt = 1) =>
    eventually(async () => {
      const row = await findExecution(db, jobId, thing);
      if (row?.status !== status || row.executionNumber !== attempt)
        throw new Error(`${thing} is not ${status} yet`);
    }, 60_000);
  const closed = (jobId: string) => client.workflow.getHandle(jobWorkflowId(jobId)).result();
  const ask = { topic: 't', receivedAt: 0 };

  // A job of one batch; executions that are started, report, repeat themselves, time out, are canceled.
  const [a, b, c, d] = names as [string, string, string, string];
  const small = await create([a, b, c, d]);
  await until(small, d, 'QUEUED');
  await devices.startNext(a, { ...ask, kind: 'start-next', stepTimeoutInMinutes: 5, clientToken: '1' });
  await until(small, a, 'IN_PROGRESS');
  const progress = { ...ask, kind: 'update', status: 'IN_PROGRESS', clientToken: '2' } as const;
  await client.workflow.getHandle(executionWorkflowId(small, a)).signal('deviceRequest', progress);
  await client.workflow.getHandle(executionWorkflowId(small, a)).signal('deviceRequest', progress);
  await devices.update(a, small, { ...ask, kind: 'update', status: 'SUCCEEDED', expectedVersion: 9 });
  await devices.update(a, small, {
    ...ask,
    kind: 'update',
    status: 'SUCCEEDED',
    statusDetails: { ok: 'yes' },
  });
  await until(small, a, 'SUCCEEDED');
  await devices.startNext(b, { kind: 'start-next', stepTimeoutInMinutes: 1 / 60, receivedAt: 0 });
  await until(small, b, 'TIMED_OUT');
  await commands.cancelExecution(small, c, { by: 'key:test', force: false });
  await devices.update(d, small, { kind: 'update', status: 'REJECTED', receivedAt: 0 });
  await closed(small);
  await save('job-one-batch', jobWorkflowId(small));
  await save('execution-succeeded', executionWorkflowId(small, a));
  await save('execution-timed-out', executionWorkflowId(small, b));
  await save('execution-canceled', executionWorkflowId(small, c));
  await save('execution-rejected-over-https', executionWorkflowId(small, d));

  // A job of two batches that is canceled, then with force, and its deletion.
  const large = await create(names);
  await until(large, names[200]!, 'QUEUED');
  await save('batch-open', batchWorkflowId(large, BATCH_SIZE));
  await until(large, a, 'QUEUED');
  await devices.startNext(a, { ...ask, kind: 'start-next' });
  await until(large, a, 'IN_PROGRESS');
  await commands.cancel(large, { by: 'key:test', force: false, reasonCode: 'TEST' });
  await commands.cancel(large, { by: 'key:test', force: true });
  await closed(large);
  await client.workflow.getHandle(cancellationWorkflowId(large)).result();
  await client.workflow.getHandle(batchWorkflowId(large, BATCH_SIZE)).result();
  await save('job-canceled', jobWorkflowId(large));
  await save('cancellation', cancellationWorkflowId(large));
  await save('batch', batchWorkflowId(large, BATCH_SIZE));
  await commands.delete(large, { by: 'key:test', force: false });
  await client.workflow.getHandle(deletionWorkflowId(large)).result();
  await save('deletion', deletionWorkflowId(large));

  // A job of two batches that completes, continued as new after each of them.
  const long = randomUUID();
  const request = {
    jobId: long,
    jobType: 'SNAPSHOT',
    targets: { thingNames: names, thingGroupNames: [] },
    documentJson: '{}',
    timeoutConfig: { queuedTimeoutInMinutes: 1 / 60 },
    createdBy: 'key:test',
  };
  const handle = await client.workflow.start('job', {
    workflowId: jobWorkflowId(long),
    taskQueue: TASK_QUEUE,
    args: [{ request, stepsPerRun: 1 }],
  });
  await eventually(async () => {
    if ((await findJobState(db, long))?.status !== 'COMPLETED') throw new Error('not completed yet');
  }, 60_000);
  await save('job-continued-as-new', jobWorkflowId(long), handle.firstExecutionRunId);
  await save('job-two-batches', jobWorkflowId(long));

  // A continuous job with a join, a leave and another join, then deleted with force.
  const watching = randomUUID();
  const first = await client.workflow.start('continuousJob', {
    workflowId: jobWorkflowId(watching),
    taskQueue: TASK_QUEUE,
    args: [
      {
        request: {
          ...request,
          jobId: watching,
          jobType: 'CONTINUOUS',
          timeoutConfig: {},
          targets: { thingNames: [], thingGroupNames: ['all'] },
        },
        stepsPerRun: 4,
      },
    ],
  });
  const change = async (act: 'add' | 'remove', attempt: number, status: string) => {
    commands.membershipChanged(await changeMember(db, 'all', a, act, Date.now()));
    await until(watching, a, status, attempt);
  };
  await eventually(async () => {
    if (!(await findJobState(db, watching))) throw new Error('not created yet');
  });
  await change('add', 1, 'QUEUED');
  await save('execution-open', executionWorkflowId(watching, a));
  await change('remove', 1, 'REMOVED');
  await save('execution-removed', executionWorkflowId(watching, a));
  await change('add', 2, 'QUEUED');
  await change('remove', 2, 'REMOVED');
  await change('add', 3, 'QUEUED');
  await save('continuous-job-continued-as-new', jobWorkflowId(watching), first.firstExecutionRunId);
  await save('continuous-job-open', jobWorkflowId(watching));
  await commands.delete(watching, { by: 'key:test', force: true });
  await client.workflow.getHandle(deletionWorkflowId(watching)).result();
  await save('deletion-of-active-job', deletionWorkflowId(watching));

  // What doctor asks for: of an execution, a batch and a job that were terminated.
  const broken = await create(names);
  for (const name of [a, names[200]!]) await until(broken, name, 'QUEUED');
  const terminate = (workflowId: string) => client.workflow.getHandle(workflowId).terminate();
  await terminate(executionWorkflowId(broken, a));
  const executions = [{ jobId: broken, thingName: a }];
  const start = { taskQueue: TASK_QUEUE };
  await client.workflow.execute('mendExecutions', {
    ...start,
    workflowId: 'doctor/1',
    args: [{ executions, by: 'doctor' }],
  });
  await save('mend-executions', 'doctor/1');
  await terminate(batchWorkflowId(broken, BATCH_SIZE));
  const batch = {
    workflowId: batchWorkflowId(broken, BATCH_SIZE),
    args: [{ jobId: broken, first: BATCH_SIZE }],
  };
  await client.workflow.execute('mendBatch', { ...start, ...batch });
  await save('mend-batch', batch.workflowId);
  await terminate(jobWorkflowId(broken));
  const mend = { workflowId: `${jobWorkflowId(broken)}/mend`, args: [{ jobId: broken }] };
  await client.workflow.execute('mendJob', { ...start, ...mend });
  await save('mend-job', mend.workflowId);
}

/** Without the name of the machine that recorded it: `pid@host` stands in identities and sticky queues. */
function anonymous(json: string): string {
  return json.replaceAll(/"\d+@[^"]*"/g, '"recorder"');
}

const release = process.argv[2];
if (!release) {
  console.error('Usage: npm run record-histories -- NAME   (the release, for example 0.1.0)');
  process.exit(2);
}
main(release).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
