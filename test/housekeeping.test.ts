/** Keeping house while Muster runs: retention, backup and restore. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { connectDevice, createThing } from './support/device';
import { eventually } from './support/eventually';
import { createJob, getExecution, untilJob } from './support/jobs';
import { startMuster } from './support/muster';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

test('jobs that ended longer ago than MUSTER_RETENTION_DAYS are deleted, others stay', async () => {
  const seconds = 4;
  const muster = await startMuster({ env: { MUSTER_RETENTION_DAYS: (seconds / 86_400).toFixed(6) } });
  try {
    const device = await connectDevice(muster, await createThing(muster, 'kept-1'));
    const [done, working, waiting] = [
      await createJob(muster, { targets: { thingNames: ['kept-1'] } }),
      await createJob(muster, { targets: { thingNames: ['kept-1'] } }),
      await createJob(muster, { targets: { thingNames: ['kept-1'] } }),
    ];
    await untilJob(muster, waiting, 'IN_PROGRESS', { QUEUED: 1 });
    await device.request(`${done}/update`, { status: 'SUCCEEDED' });
    await device.request(`${working}/update`, { status: 'IN_PROGRESS' });
    await untilJob(muster, done, 'COMPLETED');
    await muster.api('POST', `/jobs/${working}/cancel`, {});

    await eventually(async () => expect((await muster.api('GET', `/jobs/${done}`)).status).toBe(404));
    expect((await getExecution(muster, working, 'kept-1')).status).toBe('IN_PROGRESS');
    expect((await muster.api('GET', `/jobs/${waiting}`)).body.status).toBe('IN_PROGRESS');
    await device.request(`${working}/update`, { status: 'SUCCEEDED' });
    await eventually(async () => expect((await muster.api('GET', `/jobs/${working}`)).status).toBe(404));
    await device.close();
  } finally {
    await muster.stop();
  }
});

test('a job goes on from a copy that was made while it ran', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-restored-'));
  const copy = path.join(directory, 'copy');
  const original = await startMuster();
  const credentials = await createThing(original, 'copied-1');
  const jobId = await createJob(original, { targets: { thingNames: ['copied-1'] } });
  await untilJob(original, jobId, 'IN_PROGRESS', { QUEUED: 1 });
  const before = await connectDevice(original, credentials);
  await before.request('start-next');
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[MAIN, 'backup', copy, '--data-dir', original.dataDir],
  ]);
  expect(stdout.trim().split('\n')).toEqual(
    ['muster.db', 'temporal.db'].map((name) => path.join(copy, name)),
  );
  await before.close();
  await original.stop();

  const restored = await startMuster({ dataDir: copy });
  try {
    const device = await connectDevice(restored, credentials);
    expect(device.sessionPresent).toBe(false);
    expect((await device.request('start-next')).body.execution).toMatchObject({
      jobId,
      status: 'IN_PROGRESS',
    });
    expect(await device.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({
      accepted: true,
    });
    await untilJob(restored, jobId, 'COMPLETED', { SUCCEEDED: 1 });
    await device.close();
  } finally {
    await restored.stop();
    fs.rmSync(directory, { recursive: true });
  }
});
