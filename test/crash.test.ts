/**
 * Muster and its Temporal are killed again and again while 200 devices work. The devices keep what they last got
 * accepted; what Muster says afterwards is held against that.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../src/simulator/fleet';
import { createFleet, registerFleet } from './support/fleet';
import { eventually } from './support/eventually';
import { createJob, getExecution, listAll, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

const THINGS = 200;
const KILLS = 4;
const LONG = 15 * 60_000;

let muster: Muster;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  muster = await startMuster();
  // Devices come back to where they were, so the ports stay the same.
  const { http, mqtt } = muster;
  env = { MUSTER_HTTP_PORT: new URL(http).port, MUSTER_MQTT_PORT: new URL(mqtt).port };
});

afterAll(async () => {
  const { dataDir } = muster;
  await muster.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

/** Ends Temporal as a crash of the machine would: by the id that Muster has noted. */
function killTemporal(): void {
  const { pid } = JSON.parse(fs.readFileSync(path.join(muster.dataDir, 'temporal.pid.json'), 'utf8')) as {
    pid: number;
  };
  process.kill(pid, 'SIGKILL');
}

async function killAndRestart(): Promise<void> {
  const { dataDir } = muster;
  await muster.kill9();
  killTemporal();
  muster = await startMuster({ dataDir, env });
}

function working(fleet: Fleet): number {
  const { statuses } = fleet.counts();
  return Object.values(statuses).reduce((sum, n) => sum + n, 0);
}

it(
  'every execution reaches the outcome that its device reported, each transition once',
  async () => {
    const things = await registerFleet(muster, 'crash', THINGS);
    const outcomes = ['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED', 'REJECTED'] as const;
    const fleet = createFleet(muster, things, (i) => ({
      outcome: outcomes[i % outcomes.length] ?? 'SUCCEEDED',
      durationMs: 1_000 + (i % 10) * 500,
      reports: 3,
      connectAfterMs: i * 40,
    }));
    const started = fleet.start();
    const jobId = await createJob(muster, { targets: { thingNames: things.map(({ name }) => name) } });

    for (let kill = 1; kill <= KILLS; kill++) {
      const enough = (THINGS * kill) / (KILLS + 2);
      await eventually(() => expect(working(fleet)).toBeGreaterThanOrEqual(enough), 300_000);
      // At any moment, and not at the same one in each run.
      await sleep(Math.random() * 1_000);
      await killAndRestart();
    }
    await started;
    await untilJob(muster, jobId, 'COMPLETED', { QUEUED: 0, IN_PROGRESS: 0 }, LONG);
    await eventually(() => expect(fleet.idle).toBe(true));
    await fleet.stop();

    const executions = await listAll(muster, `/jobs/${jobId}/executions`);
    const statusOf = new Map(
      executions.map(({ thingName, status }) => [thingName as string, status as string]),
    );
    for (const device of fleet.devices) {
      expect([device.thingName, statusOf.get(device.thingName)]).toEqual([
        device.thingName,
        device.outcomes.get(jobId),
      ]);
      const { transitions, versionNumber } = await getExecution(muster, jobId, device.thingName);
      const versions = (transitions as { versionNumber: number }[]).map(
        (transition) => transition.versionNumber,
      );
      expect(versions).toEqual(Array.from({ length: versionNumber as number }, (_, i) => i + 1));
    }
  },
  LONG,
);

it(
  'timers count on while everything is down',
  async () => {
    const [thing] = await registerFleet(muster, 'timer', 1);
    const jobId = await createJob(muster, {
      targets: { thingNames: [thing?.name] },
      timeoutConfig: { queuedTimeoutInMinutes: 10 / 60 },
    });
    await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 1 });
    await killAndRestart();
    await untilJob(muster, jobId, 'COMPLETED', { TIMED_OUT: 1 });
    const { queuedAt, finishedAt } = await getExecution(muster, jobId, thing?.name ?? '');
    const waited = Date.parse(finishedAt as string) - Date.parse(queuedAt as string);
    expect(waited).toBeGreaterThanOrEqual(10_000);
  },
  LONG,
);

it(
  'a deletion goes on where it was killed',
  async () => {
    const things = await registerFleet(muster, 'deleted', 300);
    const jobId = await createJob(muster, { targets: { thingNames: things.map(({ name }) => name) } });
    await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 300 }, 300_000);
    expect((await muster.api('DELETE', `/jobs/${jobId}?force=true`)).status).toBe(202);
    await killAndRestart();
    await eventually(async () => expect((await muster.api('GET', `/jobs/${jobId}`)).status).toBe(404));
    expect(await listAll(muster, `/things/${things[0]?.name}/jobs`)).toEqual([]);
  },
  LONG,
);
