/** CONTINUOUS jobs follow the membership of their groups, on a whole Muster. */
import { createThing } from './support/device';
import {
  createJob,
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

async function explicitGroup(name: string): Promise<void> {
  expect((await muster.api('POST', '/thing-groups', { name })).status).toBe(201);
}

function continuousJob(...thingGroupNames: string[]): Promise<string> {
  return createJob(muster, { jobType: 'CONTINUOUS', targets: { thingGroupNames } });
}

it('starts on an empty group and reaches who joins it by hand', async () => {
  await explicitGroup('by-hand');
  const jobId = await continuousJob('by-hand');
  expect((await getJob(muster, jobId)).status).toBe('IN_PROGRESS');

  const device = await newDevice(muster, 'joiner');
  await muster.api('PUT', '/thing-groups/by-hand/things/joiner');
  await device.next('notify-next');
  await device.request(`${jobId}/update`, { status: 'SUCCEEDED' });
  const job = await untilJob(muster, jobId, 'IN_PROGRESS', { SUCCEEDED: 1 });
  expect(job.targets.thingCount ?? 1).toBe(1);
  await device.close();
});

it('reaches who gets the tags, or the type', async () => {
  await muster.api('POST', '/thing-types', { name: 'com.example.camera' });
  await muster.api('POST', '/thing-groups', { name: 'red-and-round', tags: ['red', 'round'] });
  const jobId = await continuousJob('red-and-round', 'com.example.camera (default)');
  await createThing(muster, 'tagged', { tags: ['red'] });
  await createThing(muster, 'typed', { thingTypeName: 'com.example.camera' });
  await untilExecution(muster, jobId, 'typed', { status: 'QUEUED' });
  expect((await muster.api('GET', `/jobs/${jobId}/executions/tagged`)).status).toBe(404);
  await muster.api('PATCH', '/things/tagged', { tags: ['red', 'round'] });
  await untilExecution(muster, jobId, 'tagged', { status: 'QUEUED' });
});

it('removes who leaves before it is done, and gives who joins again a new attempt', async () => {
  await explicitGroup('in-and-out');
  const device = await newDevice(muster, 'wanderer');
  await muster.api('PUT', '/thing-groups/in-and-out/things/wanderer');
  const jobId = await continuousJob('in-and-out');
  await device.next('notify-next');

  await muster.api('DELETE', '/thing-groups/in-and-out/things/wanderer');
  await untilExecution(muster, jobId, 'wanderer', { status: 'REMOVED', executionNumber: 1 });
  expect((await device.next('notify-next')).body.execution).toBeUndefined();

  await muster.api('PUT', '/thing-groups/in-and-out/things/wanderer');
  await untilExecution(muster, jobId, 'wanderer', { status: 'QUEUED', executionNumber: 2, versionNumber: 1 });
  const late = await device.request(`${jobId}/update`, { status: 'FAILED', executionNumber: 1 });
  expect(late.body.code).toBe('ResourceNotFound');
  await device.request(`${jobId}/update`, { status: 'SUCCEEDED', executionNumber: 2 });

  // Done is done: leaving takes nothing away, and joining again is a new attempt.
  await muster.api('DELETE', '/thing-groups/in-and-out/things/wanderer');
  await muster.api('PUT', '/thing-groups/in-and-out/things/wanderer');
  await untilExecution(muster, jobId, 'wanderer', { status: 'QUEUED', executionNumber: 3 });
  const { transitions } = await getExecution(muster, jobId, 'wanderer');
  expect(
    transitions.map(({ executionNumber, to }: Record<string, unknown>) => [executionNumber, to]),
  ).toEqual([
    [1, 'QUEUED'],
    [1, 'REMOVED'],
    [2, 'QUEUED'],
    [2, 'SUCCEEDED'],
    [3, 'QUEUED'],
  ]);
  await device.close();
});

it('reaches 1,000 that join at once, and cancels them all', async () => {
  await explicitGroup('crowd');
  const jobId = await continuousJob('crowd');
  const names = Array.from({ length: 1_000 }, (_, i) => `crowd-${i}`);
  const bulk = await muster.api('POST', '/things/bulk', { things: names.map((name) => ({ name })) });
  expect(bulk.body.created).toHaveLength(1_000);
  expect((await muster.api('POST', '/thing-groups/crowd/things', { add: names })).status).toBeLessThan(300);
  await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 1_000 }, 300_000);
  expect(await listAll(muster, `/jobs/${jobId}/executions?status=QUEUED`)).toHaveLength(1_000);

  expect((await muster.api('POST', `/jobs/${jobId}/cancel`, {})).status).toBe(200);
  await untilJob(muster, jobId, 'CANCELED', { CANCELED: 1_000, QUEUED: 0 }, 300_000);
  await createThing(muster, 'too-late');
  await muster.api('PUT', '/thing-groups/crowd/things/too-late');
  expect((await muster.api('GET', `/jobs/${jobId}/executions/too-late`)).status).toBe(404);
}, 700_000);

it('keeps who is named by the job itself, whatever groups it is in', async () => {
  await explicitGroup('named');
  await createThing(muster, 'named-1');
  await muster.api('PUT', '/thing-groups/named/things/named-1');
  const jobId = await createJob(muster, {
    jobType: 'CONTINUOUS',
    targets: { thingNames: ['named-1'], thingGroupNames: ['named'] },
  });
  await untilExecution(muster, jobId, 'named-1', { status: 'QUEUED' });
  await createThing(muster, 'named-2');
  await muster.api('POST', '/thing-groups/named/things', { add: ['named-2'], remove: ['named-1'] });
  await untilExecution(muster, jobId, 'named-2', { status: 'QUEUED' });
  expect((await getExecution(muster, jobId, 'named-1')).status).toBe('QUEUED');
});
