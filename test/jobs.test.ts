/** The life of jobs as operators and devices see it, on a whole Muster: create, work, cancel, delete. */
import { Client, Connection } from '@temporalio/client';
import { executionWorkflowId, jobWorkflowId } from '../workflows/messages';
import { eventually } from './support/eventually';
import { createThing } from './support/device';
import {
  createJob,
  DOCUMENT,
  getExecution,
  getJob,
  listAll,
  newDevice,
  untilExecution,
  untilJob,
} from './support/jobs';
import { startMuster, type Muster } from './support/muster';

let muster: Muster;

beforeAll(async () => {
  muster = await startMuster();
});

afterAll(() => muster.stop());

describe('the main job', () => {
  it('goes from creation over notification, start and report to COMPLETED', async () => {
    const device = await newDevice(muster, 'main-1');
    const jobId = await createJob(muster, { name: 'Firmware', targets: { thingNames: ['main-1'] } });

    const { body: notified } = await device.next('notify-next');
    expect(notified.execution).toMatchObject({ jobId, status: 'QUEUED', jobDocument: DOCUMENT });

    const started = await device.request('start-next', { clientToken: 'one' });
    expect(started.body).toMatchObject({
      clientToken: 'one',
      execution: { jobId, status: 'IN_PROGRESS', versionNumber: 2 },
    });
    const done = await device.request(`${jobId}/update`, {
      status: 'SUCCEEDED',
      statusDetails: { took: '3s' },
    });
    expect(done.accepted).toBe(true);
    expect((await getExecution(muster, jobId, 'main-1')).status).toBe('SUCCEEDED');

    const job = await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1, QUEUED: 0, IN_PROGRESS: 0 });
    expect(job).toMatchObject({ name: 'Firmware', jobType: 'SNAPSHOT', document: DOCUMENT });
    const { transitions } = await getExecution(muster, jobId, 'main-1');
    expect(transitions).toMatchObject([
      { versionNumber: 1, from: null, to: 'QUEUED', by: `key:${muster.key}` },
      { versionNumber: 2, from: 'QUEUED', to: 'IN_PROGRESS', by: 'device' },
      { versionNumber: 3, from: 'IN_PROGRESS', to: 'SUCCEEDED', by: 'device', statusDetails: { took: '3s' } },
    ]);
    await device.close();
  });

  it('can be read in Temporal: its executions are its children, and each says what it waits for and until when', async () => {
    const names = ['few-1', 'few-2', 'few-3', 'few-4', 'few-5'];
    for (const name of names) await createThing(muster, name);
    const jobId = await createJob(muster, {
      targets: { thingNames: names },
      timeoutConfig: { queuedTimeoutInMinutes: 60 },
    });
    await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 5 });

    const connection = await Connection.connect({ address: muster.temporal.address });
    const { workflow } = new Client({ connection, namespace: muster.temporal.namespace });
    const { raw } = await workflow.getHandle(jobWorkflowId(jobId)).describe();
    const children = raw.pendingChildren?.map(({ workflowId }) => workflowId).sort();
    expect(children).toEqual(names.map((name) => `job/${jobId}/thing/${name}`));

    const waiting = workflow.getHandle(executionWorkflowId(jobId, 'few-1'));
    const { searchAttributes } = await waiting.describe();
    expect(searchAttributes).toMatchObject({
      JobId: [jobId],
      ThingName: ['few-1'],
      JobExecutionStatus: ['QUEUED'],
    });
    // What a workflow gets after its start is found, too.
    for (const condition of ['JobExecutionStatus = "QUEUED"', 'BuildIds = "unversioned" AND ThingName != ""'])
      await eventually(async () => {
        const { count } = await workflow.count(`JobId = "${jobId}" AND ${condition}`);
        expect(count).toBe(5);
      });
    const { currentDetails } = await waiting.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    expect(currentDetails).toMatch(
      /^\*\*QUEUED\*\* since .*: waiting for few-1 to pick up the job\.\s+Times out at \d{4}-.*Z/,
    );
    await connection.close();
  });

  it('is COMPLETED at once with no thing in its targets', async () => {
    await muster.api('POST', '/thing-groups', { name: 'nobody' });
    const jobId = await createJob(muster, { targets: { thingGroupNames: ['nobody'] } });
    await untilJob(muster, jobId, 'COMPLETED');
  });

  it('gives a thing that is reached twice one execution', async () => {
    await createThing(muster, 'twice', { tags: ['both'] });
    await muster.api('POST', '/thing-groups', { name: 'both', tags: ['both'] });
    const targets = { thingNames: ['twice', 'twice'], thingGroupNames: ['both'] };
    const jobId = await createJob(muster, { targets });
    await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 1 });
    expect(await listAll(muster, `/jobs/${jobId}/executions`)).toHaveLength(1);
  });

  it('is made once under one Idempotency-Key', async () => {
    await createThing(muster, 'once');
    const headers = { 'idempotency-key': 'abc' };
    const body = { targets: { thingNames: ['once'] }, document: DOCUMENT };
    const answers = await Promise.all([1, 2, 3].map(() => muster.api('POST', '/jobs', body, headers)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => answer.body.jobId)).size).toBe(1);
    const other = await muster.api('POST', '/jobs', { ...body, name: 'another' }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'IdempotencyKeyReused' } });
    await eventually(async () => expect(await listAll(muster, '/things/once/jobs')).toHaveLength(1));

    const { jobId } = answers[0]!.body;
    await muster.api('DELETE', `/jobs/${jobId}?force=true`);
    await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404));
    const late = await muster.api('POST', '/jobs', body, headers);
    expect(late).toMatchObject({ status: 422, body: { code: 'IdempotencyKeyReused' } });
  });
});

describe('canceling', () => {
  it('stops what is QUEUED and lets what is IN_PROGRESS finish', async () => {
    const [working, waiting] = [await newDevice(muster, 'soft-1'), await newDevice(muster, 'soft-2')];
    const jobId = await createJob(muster, { targets: { thingNames: ['soft-1', 'soft-2'] } });
    await working.next('notify-next');
    await working.request('start-next');
    waiting.clear();

    const comment = 'Pausing rollout for investigation';
    const canceled = await muster.api('POST', `/jobs/${jobId}/cancel`, {
      reasonCode: 'USER_CANCEL',
      comment,
    });
    expect(canceled).toMatchObject({
      status: 200,
      body: { status: 'CANCELED', reasonCode: 'USER_CANCEL', comment },
    });
    expect((await waiting.request('start-next')).body.execution).toBeUndefined();
    expect((await waiting.next('notify')).body.jobs).toEqual({});
    expect((await waiting.next('notify-next')).body.execution).toBeUndefined();

    expect((await working.request(`${jobId}/update`, { status: 'IN_PROGRESS' })).accepted).toBe(true);
    expect((await working.request(`${jobId}/update`, { status: 'SUCCEEDED' })).accepted).toBe(true);
    await untilJob(muster, jobId, 'CANCELED', { SUCCEEDED: 1, CANCELED: 1, QUEUED: 0, IN_PROGRESS: 0 });
    const { transitions } = await getExecution(muster, jobId, 'soft-2');
    expect(transitions.at(-1)).toMatchObject({
      to: 'CANCELED',
      by: `key:${muster.key}`,
      reason: `USER_CANCEL: ${comment}`,
    });

    const again = await muster.api('POST', `/jobs/${jobId}/cancel`, {});
    expect(again).toMatchObject({ status: 409, body: { code: 'JobNotActive' } });
    await Promise.all([working.close(), waiting.close()]);
  });

  it('with force stops everything, and refuses the very next report', async () => {
    const device = await newDevice(muster, 'hard-1');
    const jobId = await createJob(muster, { targets: { thingNames: ['hard-1'] } });
    await device.next('notify-next');
    await device.request('start-next');
    const canceled = await muster.api('POST', `/jobs/${jobId}/cancel?force=true`);
    expect(canceled.status).toBe(200);
    const report = await device.request(`${jobId}/update`, { status: 'SUCCEEDED' });
    expect(report).toMatchObject({
      accepted: false,
      body: { code: 'InvalidStateTransition', executionState: { status: 'CANCELED' } },
    });
    await untilJob(muster, jobId, 'CANCELED', { CANCELED: 1 });
    await device.close();
  });

  it('of one execution leaves the others alone, and takes force where it is IN_PROGRESS', async () => {
    const device = await newDevice(muster, 'single-1');
    await createThing(muster, 'single-2');
    const jobId = await createJob(muster, { targets: { thingNames: ['single-1', 'single-2'] } });
    await device.next('notify-next');
    await device.request('start-next');
    const url = `/jobs/${jobId}/executions/single-1/cancel`;
    expect(await muster.api('POST', url)).toMatchObject({
      status: 409,
      body: { code: 'InvalidStateTransition' },
    });
    expect(await muster.api('POST', url, { force: true, expectedVersion: 1 })).toMatchObject({
      status: 409,
      body: { code: 'VersionMismatch' },
    });
    const canceled = await muster.api('POST', url, { force: true, expectedVersion: 2, reasonCode: 'BROKEN' });
    expect(canceled).toMatchObject({ status: 200, body: { status: 'CANCELED' } });
    expect((await device.request(`${jobId}/update`, { status: 'FAILED' })).body.code).toBe(
      'InvalidStateTransition',
    );
    await untilJob(muster, jobId, 'IN_PROGRESS', { CANCELED: 1, QUEUED: 1 });

    await muster.api('POST', `/jobs/${jobId}/executions/single-2/cancel`);
    await untilJob(muster, jobId, 'COMPLETED', { CANCELED: 2 });
    await device.close();
  });
});

describe('deleting', () => {
  it('takes a terminal job away with all its records', async () => {
    const device = await newDevice(muster, 'gone-1');
    const jobId = await createJob(muster, { targets: { thingNames: ['gone-1'] } });
    await device.next('notify-next');
    await device.request(`${jobId}/update`, { status: 'SUCCEEDED' });
    await untilJob(muster, jobId, 'COMPLETED');
    expect((await muster.api('DELETE', `/jobs/${jobId}`)).body.status).toBe('DELETION_IN_PROGRESS');
    await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404));
    expect((await muster.api('GET', `/jobs/${jobId}/executions/gone-1`)).status).toBe(404);
    expect((await muster.api('GET', `/jobs/${jobId}/executions`)).status).toBe(404);
    expect(await listAll(muster, '/things/gone-1/jobs')).toEqual([]);
    expect((await muster.api('DELETE', `/jobs/${jobId}`)).status).toBe(404);
    await device.close();
  });

  it('of an active job takes force, and tells the devices that had it pending', async () => {
    const [waiting, working] = [await newDevice(muster, 'del-1'), await newDevice(muster, 'del-2')];
    const jobId = await createJob(muster, { targets: { thingNames: ['del-1', 'del-2'] } });
    await waiting.next('notify-next');
    await working.next('notify-next');
    await working.request('start-next');
    expect(await muster.api('DELETE', `/jobs/${jobId}`)).toMatchObject({
      status: 409,
      body: { code: 'JobActive' },
    });
    expect((await getJob(muster, jobId)).status).toBe('IN_PROGRESS');

    [waiting, working].forEach((device) => device.clear());
    expect((await muster.api('DELETE', `/jobs/${jobId}?force=true`)).status).toBe(202);
    for (const device of [waiting, working]) {
      expect((await device.next('notify')).body.jobs).toEqual({});
      expect((await device.next('notify-next')).body.execution).toBeUndefined();
    }
    await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404));
    expect((await working.request(`${jobId}/update`, { status: 'SUCCEEDED' })).body.code).toBe(
      'ResourceNotFound',
    );
    await Promise.all([waiting.close(), working.close()]);
  });

  it('takes one execution away, an active one with force', async () => {
    const device = await newDevice(muster, 'rec-1');
    const jobId = await createJob(muster, { targets: { thingNames: ['rec-1'] } });
    await device.next('notify-next');
    const url = `/jobs/${jobId}/executions/rec-1`;
    expect((await muster.api('DELETE', url)).status).toBe(409);
    expect((await muster.api('DELETE', `${url}?force=true`)).status).toBe(204);
    expect((await muster.api('GET', url)).status).toBe(404);
    expect(
      (await device.next('notify', ({ jobs }) => Object.keys(jobs as object).length === 0)).body.jobs,
    ).toEqual({});
    await untilJob(muster, jobId, 'COMPLETED', { QUEUED: 0, REMOVED: 0 });
    await device.close();
  });

  it('of a thing makes its pending executions REMOVED', async () => {
    await createThing(muster, 'scrapped');
    const jobId = await createJob(muster, { targets: { thingNames: ['scrapped'] } });
    await untilExecution(muster, jobId, 'scrapped', { status: 'QUEUED' });
    expect((await muster.api('DELETE', '/things/scrapped')).status).toBe(204);
    expect((await muster.api('GET', '/things/scrapped')).status).toBe(404);
    await untilExecution(muster, jobId, 'scrapped', { status: 'REMOVED' });
    await untilJob(muster, jobId, 'COMPLETED', { REMOVED: 1 });
  });
});

describe('devices over HTTPS', () => {
  it('do the same with their own credentials, and only for themselves', async () => {
    const { username, password } = await createThing(muster, 'https-1');
    await createThing(muster, 'https-2');
    const jobId = await createJob(muster, { targets: { thingNames: ['https-1'] } });
    await untilExecution(muster, jobId, 'https-1', { status: 'QUEUED' });
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const ask = (what: string, body: object) =>
      muster.api('POST', `/thing-datas/jobs/${what}`, { thingName: 'https-1', ...body }, { authorization });

    expect((await ask('get', {})).body.queuedJobs).toMatchObject([{ jobId }]);
    expect((await ask('start-next', { clientToken: 'x' })).body).toMatchObject({
      clientToken: 'x',
      execution: { jobId },
    });
    expect((await ask('$next/get', {})).body.execution.jobDocument).toEqual(DOCUMENT);
    expect(await ask(`${jobId}/update`, { status: 'SUCCEEDED', expectedVersion: 7 })).toMatchObject({
      status: 409,
      body: { code: 'VersionMismatch', executionState: { versionNumber: 2 } },
    });
    const done = await ask(`${jobId}/update`, {
      status: 'SUCCEEDED',
      expectedVersion: '2',
      includeJobExecutionState: true,
    });
    expect(done).toMatchObject({
      status: 200,
      body: { executionState: { status: 'SUCCEEDED', versionNumber: 3 } },
    });
    expect((await ask('get', { thingName: 'https-2' })).status).toBe(403);
    const elsewhere = await muster.api('GET', '/jobs', undefined, { authorization });
    expect(elsewhere.status).toBe(401);
  });
});
