/** Jobs on more things than one workflow may have children, on the embedded defaults. */
import { createFleet, registerFleet, SUCCEEDS } from './support/fleet';
import { createJob, listAll, untilJob } from './support/jobs';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

/** More than a workflow may have children. */
const THINGS = 2_500;
/** Some batches of a job, each with a device. */
const DEVICES = 500;
const LONG = 15 * 60_000;

let muster: Muster;
let things: Awaited<ReturnType<typeof registerFleet>>;

beforeAll(async () => {
  muster = await startMuster();
  await muster.api('POST', '/thing-types', { name: 'com.example.meter' });
  things = await registerFleet(muster, 'meter', DEVICES, { thingTypeName: 'com.example.meter' });
});

afterAll(() => muster.stop());

it(
  'runs to COMPLETED with a device for each of 500 things, in batches',
  async () => {
    const fleet = createFleet(muster, things, () => SUCCEEDS);
    const started = fleet.start();
    const jobId = await createJob(muster, { targets: { thingGroupNames: ['com.example.meter (default)'] } });
    await started;
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: DEVICES, QUEUED: 0, IN_PROGRESS: 0 }, LONG);
    expect(fleet.counts().statuses).toEqual({ SUCCEEDED: DEVICES });
    await fleet.stop();
    expect(await listAll(muster, `/jobs/${jobId}/executions?status=SUCCEEDED`)).toHaveLength(DEVICES);
  },
  LONG,
);

it(
  'is canceled while it is being launched, and each of its things is accounted for',
  async () => {
    await registerFleet(muster, 'silent', THINGS - DEVICES, { thingTypeName: 'com.example.meter' });
    const jobId = await createJob(muster, { targets: { thingGroupNames: ['com.example.meter (default)'] } });
    await eventually(async () => {
      const { body } = await muster.api('GET', `/jobs/${jobId}`);
      expect((body as { executionCounts: { QUEUED: number } }).executionCounts.QUEUED).toBeGreaterThan(0);
    }, 60_000);
    expect((await muster.api('POST', `/jobs/${jobId}/cancel`, { force: true })).status).toBe(200);
    const { executionCounts, targetCounts } = await untilJob(
      muster,
      jobId,
      'CANCELED',
      { QUEUED: 0, IN_PROGRESS: 0 },
      LONG,
    );
    const { launched, notLaunched } = targetCounts;
    expect(launched + notLaunched).toBe(THINGS);
    expect(executionCounts.CANCELED).toBe(launched);
    const targets = (state: string) => listAll(muster, `/jobs/${jobId}/targets?state=${state}`);
    expect(await targets('NOT_LAUNCHED')).toHaveLength(notLaunched);
    expect(await targets('LAUNCHED')).toHaveLength(launched);
    expect(await targets('WAITING')).toEqual([]);

    expect((await muster.api('DELETE', `/jobs/${jobId}`)).status).toBe(202);
    await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404), LONG);
  },
  LONG,
);
