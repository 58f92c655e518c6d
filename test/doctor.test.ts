/** `muster doctor` finds what was ended by hand in Temporal, beside a Muster that runs, and mends it. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import SQLite from 'better-sqlite3';
import { BATCH_SIZE } from '../src/domain/limits';
import type { Diagnosis, Finding } from '../src/runtime/doctor';
import { batchWorkflowId, executionWorkflowId, jobWorkflowId } from '../workflows/messages';
import { createThing, type Device } from './support/device';
import { eventually } from './support/eventually';
import { describeWithPostgres, startPostgres } from './support/postgres';
import { createJob, getExecution, getJob, newDevice, untilExecution, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

let muster: Muster;
let device: Device;
let connection: Connection;
let client: Client;
beforeAll(async () => {
  muster = await startMuster();
  device = await newDevice(muster, 'boiler');
  const file = path.join(muster.dataDir, 'endpoints.json');
  const { temporal: address } = JSON.parse(fs.readFileSync(file, 'utf8')) as { temporal: string };
  connection = await Connection.connect({ address });
  client = new Client({ connection });
});
afterAll(async () => {
  await connection.close();
  await device.close();
  await muster.stop();
});

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return runOn(muster, {}, ...args);
}

function runOn(
  { dataDir }: Muster,
  given: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, MUSTER_DATA_DIR: dataDir, ...given };
  return new Promise((resolve) =>
    execFile(process.execPath, [MAIN, 'doctor', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    ),
  );
}

/** What doctor says as a program reads it; visibility lags a moment behind what was ended. */
async function doctor(
  ...args: string[]
): Promise<Diagnosis & { found: Record<string, Finding>; code: number }> {
  const { code, stdout } = await run('--json', ...args);
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  const found = diagnosis.findings.filter((finding) => finding.found > 0);
  return { ...diagnosis, code, found: Object.fromEntries(found.map((finding) => [finding.kind, finding])) };
}

const terminate = (workflowId: string) => client.workflow.getHandle(workflowId).terminate('by hand');
const newJob = async (thing = 'boiler') => {
  const jobId = await createJob(muster, { targets: { thingNames: [thing] } });
  await untilExecution(muster, jobId, thing, { status: 'QUEUED' });
  return jobId;
};

test('a Muster that is well is healthy', async () => {
  const jobId = await newJob();
  const { code, stdout, stderr } = await run();
  expect(stdout + stderr).toContain('Healthy.');
  expect(code).toBe(0);
  const { checks, findings } = await doctor();
  expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
    ['store', true],
    ['Temporal', true],
    ['search attributes', true],
    ['broker', true],
    ['disk', true],
    ['worker', true],
  ]);
  expect(findings.find(({ kind }) => kind === 'executionWithoutWorkflow')).toMatchObject({
    lookedAt: 1,
    found: 0,
  });
  await muster.api('POST', `/jobs/${jobId}/cancel`, { force: true });
  await untilExecution(muster, jobId, 'boiler', { status: 'CANCELED' });
});

test('an execution whose workflow was terminated gives way to the next, without any help', async () => {
  const [stuck, next] = [await newJob(), await newJob()];
  expect((await device.request('start-next')).body.execution!.jobId).toBe(stuck);
  device.clear();
  await terminate(executionWorkflowId(stuck, 'boiler'));
  expect((await device.next('notify-next')).body.execution!.jobId).toBe(next);
  const { transitions } = await getExecution(muster, stuck, 'boiler');
  expect(transitions.at(-1)).toMatchObject({ from: 'IN_PROGRESS', to: 'CANCELED', by: 'muster' });
  await untilJob(muster, stuck, 'COMPLETED', { CANCELED: 1 });

  await device.request('start-next');
  await device.request(`${next}/update`, { status: 'SUCCEEDED' });
  await untilJob(muster, next, 'COMPLETED', { SUCCEEDED: 1 });
  expect(await doctor()).toMatchObject({ code: 0, found: {} });
});

test('an execution that was terminated together with its job gives way to the next', async () => {
  const [stuck, next] = [await newJob(), await newJob()];
  expect((await device.request('start-next')).body.execution!.jobId).toBe(stuck);
  await terminate(jobWorkflowId(stuck));
  await terminate(executionWorkflowId(stuck, 'boiler'));

  const before = await doctor();
  expect(before.code).toBe(1);
  expect(before.found).toMatchObject({
    executionWithoutWorkflow: { found: 1, mended: 0, examples: [executionWorkflowId(stuck, 'boiler')] },
    jobWithoutWorkflow: { found: 1 },
  });
  expect(await getExecution(muster, stuck, 'boiler')).toMatchObject({ status: 'IN_PROGRESS' });
  expect((await run()).stdout).toContain('muster doctor --fix mends this.');

  device.clear();
  const mended = await doctor('--fix');
  expect(mended).toMatchObject({ code: 0, healthy: true });
  expect(mended.found).toMatchObject({ executionWithoutWorkflow: { found: 1, mended: 1 } });
  expect((await device.next('notify-next')).body.execution!.jobId).toBe(next);
  const { transitions } = await getExecution(muster, stuck, 'boiler');
  expect(transitions.at(-1)).toMatchObject({ from: 'IN_PROGRESS', to: 'CANCELED', by: 'doctor' });
  // Executions are mended before jobs: all of this one have ended.
  await untilJob(muster, stuck, 'COMPLETED', { CANCELED: 1 });

  await device.request('start-next');
  await device.request(`${next}/update`, { status: 'SUCCEEDED' });
  await untilJob(muster, next, 'COMPLETED', { SUCCEEDED: 1 });
  expect(await doctor()).toMatchObject({ code: 0, found: {} });
});

test('a job whose workflow was terminated ends as its executions allow', async () => {
  const [finished, atWork] = [await newJob(), await newJob()];
  await terminate(jobWorkflowId(finished));
  await device.request('start-next');
  await device.request(`${finished}/update`, { status: 'SUCCEEDED' });
  await untilExecution(muster, finished, 'boiler', { status: 'SUCCEEDED' });
  await device.request('start-next');
  await terminate(jobWorkflowId(atWork));

  expect((await doctor()).found).toMatchObject({ jobWithoutWorkflow: { found: 2 } });
  expect(await doctor('--fix')).toMatchObject({ code: 0, found: { jobWithoutWorkflow: { mended: 2 } } });
  expect(await getJob(muster, finished)).toMatchObject({ status: 'COMPLETED' });
  expect(await getJob(muster, atWork)).toMatchObject({
    status: 'CANCELED',
    comment: 'Its workflow had been ended in Temporal.',
  });
  const { accepted } = await device.request(`${atWork}/update`, { status: 'SUCCEEDED' });
  expect(accepted).toBe(true);
});

test('a deletion that nobody carries on is carried on', async () => {
  await createThing(muster, 'slow');
  const jobId = await newJob('slow');
  // As if its deletion had been ended right after it began: it is too quick to be met by hand.
  const store = new SQLite(path.join(muster.dataDir, 'muster.db'));
  store
    .prepare(`update jobs set status = 'DELETION_IN_PROGRESS', dispatch = 'NONE' where "jobId" = ?`)
    .run(jobId);
  store.close();
  expect((await doctor()).found).toMatchObject({ deletionWithoutWorkflow: { found: 1 } });
  expect(await doctor('--fix')).toMatchObject({ code: 0, found: { deletionWithoutWorkflow: { mended: 1 } } });
  await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404));
});

test('workflows that nothing in the store stands for are terminated', async () => {
  const { taskQueue } = await client.workflow.getHandle(jobWorkflowId(await newJob())).describe();
  const executionId = executionWorkflowId('00000000-0000-4000-8000-000000000000', 'nobody');
  const jobId = '11111111-1111-4111-8111-111111111111';
  const timeouts = {};
  await client.workflow.start('execution', {
    workflowId: executionId,
    taskQueue,
    args: [
      {
        jobId: executionId.split('/')[1],
        thingName: 'nobody',
        executionNumber: 1,
        queuedAt: Date.now(),
        timeouts,
      },
    ],
  });
  await client.workflow.start('job', {
    workflowId: jobWorkflowId(jobId),
    taskQueue,
    args: [
      {
        plan: {
          jobId,
          jobType: 'SNAPSHOT',
          timeouts,
          createdBy: 'x',
          queue: { next: 1, end: 1 },
          launching: [],
          open: [0],
          poked: false,
        },
      },
    ],
  });
  await eventually(async () => {
    expect((await doctor()).found).toMatchObject({
      workflowWithoutExecution: { found: 1, examples: [executionId] },
      workflowWithoutJob: { found: 1, examples: [jobWorkflowId(jobId)] },
    });
  });
  expect(await doctor('--fix')).toMatchObject({ code: 0, healthy: true });
  const { status } = await client.workflow.getHandle(executionId).describe();
  expect(status.name).toBe('TERMINATED');
});

test('a job does not wait for a batch that was terminated', async () => {
  const names = Array.from({ length: 201 }, (_, n) => `many-${n}`);
  const things = names.map((name) => ({ name }));
  expect((await muster.api('POST', '/things/bulk', { things })).status).toBe(200);
  const jobId = await createJob(muster, {
    targets: { thingNames: names },
    timeoutConfig: { queuedTimeoutInMinutes: 1 },
  });
  await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 201 });
  await terminate(batchWorkflowId(jobId, BATCH_SIZE));
  await eventually(async () => {
    expect((await doctor()).found).toMatchObject({
      endedBatch: { found: 1, examples: [batchWorkflowId(jobId, BATCH_SIZE)] },
    });
  });
  expect(await doctor('--fix')).toMatchObject({ code: 0, found: { endedBatch: { mended: 1 } } });
  expect((await doctor()).found).toEqual({});
  await untilJob(muster, jobId, 'COMPLETED', { TIMED_OUT: 201 });
});

test('where nothing runs it says so, and a wrong configuration is refused', async () => {
  const nothing = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-nothing-'));
  const { code, stdout } = await run('--data-dir', nothing);
  expect(code).toBe(1);
  expect(stdout).toContain('muster.db is not there');
  expect(stdout).toContain(`No Muster is ready in ${nothing}`);
  fs.rmSync(nothing, { recursive: true });
  const refused = await run('--temporal-tls', 'true');
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('TEMPORAL_TLS is for a Temporal that'),
  });
});

describeWithPostgres('on PostgreSQL', () => {
  test('it looks at the clock, too, finds and mends', async () => {
    const postgres = await startPostgres();
    const env = { DATABASE_URL: await postgres.createDatabase() };
    const other = await startMuster({ env });
    const { temporal: address } = JSON.parse(
      fs.readFileSync(path.join(other.dataDir, 'endpoints.json'), 'utf8'),
    ) as { temporal: string };
    const itsConnection = await Connection.connect({ address });
    await createThing(other, 'boiler');
    const jobId = await createJob(other, { targets: { thingNames: ['boiler'] } });
    await untilExecution(other, jobId, 'boiler', { status: 'QUEUED' });
    const { workflow } = new Client({ connection: itsConnection });
    for (const workflowId of [jobWorkflowId(jobId), executionWorkflowId(jobId, 'boiler')])
      await workflow.getHandle(workflowId).terminate('by hand');

    const { code, stdout } = await runOn(other, env, '--fix');
    expect(stdout).toMatch(/clock +ok +-?\d+ ms apart from the database's/);
    expect(stdout).toContain('1 mended: they become CANCELED by doctor');
    expect(stdout).toContain('Healthy.');
    expect(code).toBe(0);
    await untilExecution(other, jobId, 'boiler', { status: 'CANCELED' });

    await itsConnection.close();
    await other.stop();
    await postgres.destroy();
  });
});
