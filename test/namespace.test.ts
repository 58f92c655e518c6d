/** Two Musters on one Temporal namespace do not get into each other's way. */
import { createJob, newDevice, untilExecution, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

let first: Muster;
let second: Muster;
beforeAll(async () => {
  first = await startMuster();
  const address = /Temporal {2,}(127\.0\.0\.1:\d+)/.exec(first.output())?.[1];
  second = await startMuster({ env: { TEMPORAL_ADDRESS: address } });
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});

test('each does its own jobs, under the same names', async () => {
  const musters = [first, second];
  const devices = await Promise.all(musters.map((muster) => newDevice(muster, 'boiler')));
  const jobs = await Promise.all(
    musters.map((muster) => createJob(muster, { targets: { thingNames: ['boiler'] } })),
  );
  for (const [i, muster] of musters.entries()) {
    await untilExecution(muster, jobs[i]!, 'boiler', { status: 'QUEUED' });
    await devices[i]!.request('start-next');
    await devices[i]!.request(`${jobs[i]}/update`, { status: 'SUCCEEDED' });
    await untilJob(muster, jobs[i]!, 'COMPLETED', { SUCCEEDED: 1 });
  }
});
