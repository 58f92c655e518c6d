/** What devices were promised outlives a kill of the whole of Muster at any instant. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectDevice, createThing, type Credentials } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

let muster: Muster;
let dataDir: string;

beforeAll(async () => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-test-'));
  muster = await startMuster({ dataDir });
});

afterAll(async () => {
  await muster?.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

async function killAndStart(): Promise<void> {
  await muster.kill9();
  muster = await startMuster({ dataDir });
}

/** @returns its id, when the thing's execution is queued */
async function createJob({ username }: Credentials): Promise<string> {
  const created = await muster.api('POST', '/jobs', { targets: { thingNames: [username] }, document: {} });
  const { jobId } = created.body as { jobId: string };
  await eventually(() => expectStatus(jobId, username, 'QUEUED'));
  return jobId;
}

async function expectStatus(jobId: string, thingName: string, status: string): Promise<void> {
  const body = (await muster.api('GET', `/jobs/${jobId}/executions/${thingName}`)).body as unknown;
  expect(body).toMatchObject({ status });
}

test('what was queued for a device that is away is there, in order, before what came later', async () => {
  const credentials = await createThing(muster, 'away');
  await (await connectDevice(muster, credentials)).close();
  const ids = [await createJob(credentials), await createJob(credentials)];
  await killAndStart();
  ids.push(await createJob(credentials));

  const device = await connectDevice(muster, credentials);
  expect(device.sessionPresent).toBe(true);
  await device.next('notify', ({ jobs }) => jobs?.QUEUED?.length === 3);
  const lists = device.messages
    .filter(({ suffix }) => suffix === 'notify')
    .map(({ body }) => body.jobs?.QUEUED);
  expect(lists.map((list) => list?.map(({ jobId }) => jobId))).toEqual([
    ids.slice(0, 1),
    ids.slice(0, 2),
    ids,
  ]);
  await device.close();
});

test('an acknowledged report is recorded and answered, though everything was killed at once', async () => {
  const credentials = await createThing(muster, 'reporter');
  const { username } = credentials;
  for (let round = 0; round < 3; round++) {
    const device = await connectDevice(muster, credentials);
    const jobId = await createJob(credentials);
    const report = JSON.stringify({ status: 'SUCCEEDED', clientToken: `round-${round}` });
    await device.publishRaw(`$emqx/things/${username}/jobs/${jobId}/update`, report);
    await killAndStart();
    const again = await connectDevice(muster, credentials);
    const answered = (suffix: string) => suffix === `${jobId}/update/accepted`;
    if (!device.messages.some(({ suffix }) => answered(suffix))) await again.next(`${jobId}/update/accepted`);
    await expectStatus(jobId, username, 'SUCCEEDED');
    const [first] = [...device.messages, ...again.messages].filter(({ suffix }) => answered(suffix));
    const repeated = await again.request(`${jobId}/update`, report);
    expect(repeated).toEqual({ accepted: true, body: first!.body });
    await again.close();
  }
});
