/** Six processes of Muster are restarted one after the other, as an upgrade does, while jobs are made and carried out. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { planFleet } from '../src/simulator/plan';
import { check } from './chaos/checker';
import { LoggedFleet } from './chaos/device-log';
import { Membership } from './chaos/membership';
import { newJob, type KnownJob } from './chaos/operator';
import { OperatorClient } from './chaos/operator-client';
import type { Credentials } from './chaos/world';
import { eventually } from './support/eventually';
import { MOSQUITTO } from './support/mosquitto';
import { findPostgres } from './support/postgres';
import type { Part } from './topology/part';
import { startTopology, type Topology } from './topology/topology';

const DEVICES = 20;
const JOBS_PER_RESTART = 4;
const JOB_EVERY_MS = 300;

const describeWithServers =
  findPostgres() && MOSQUITTO
    ? describe
    : (name: string, tests: () => void) =>
        describe.skip(`${name} (get the servers: apt-get install postgresql mosquitto)`, tests);

describeWithServers('a rolling restart', () => {
  let directory: string;
  let topology: Topology;
  let client: OperatorClient;
  let fleet: LoggedFleet;
  const thingNames = Array.from({ length: DEVICES }, (_, i) => `lamp-${i}`);

  beforeAll(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-rolling-'));
    // The servers that run as users of their own must be able to reach theirs.
    fs.chmodSync(directory, 0o755);
    topology = await startTopology({ directory, temporal: 'dev' });
    client = new OperatorClient(topology.apis);
    fleet = await connectFleet();
  });
  afterAll(async () => {
    await fleet.stop();
    await topology.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  async function connectFleet(): Promise<LoggedFleet> {
    const { body } = await client.call('POST', '/things/bulk', {
      things: thingNames.map((name) => ({ name })),
    });
    const credentials = (body.created as { mqttCredentials: Credentials }[]).map(
      (one) => one.mqttCredentials,
    );
    await topology.broker.admit(credentials);
    const [plan] = planFleet({
      ...{ devices: 1, successRate: 1, offlineShare: 0, offlineSeconds: { min: 0, max: 0 } },
      ...{ durationSeconds: { min: 0.2, max: 0.2 }, reports: 1, seed: 1 },
    });
    const members = credentials.map((one) => ({ credentials: one, plan: plan! }));
    const connected = new LoggedFleet(members, {
      url: topology.mqtt,
      topicPrefix: topology.topicPrefixes[0]!,
    });
    connected.connect();
    return connected;
  }

  async function createJob(n: number): Promise<KnownJob> {
    const names = thingNames.filter((_, i) => i % 4 === n % 4);
    const timeoutConfig = { queuedTimeoutInMinutes: 10, inProgressTimeoutInMinutes: 10 };
    const { status, body, span } = await client.call(
      'POST',
      '/jobs',
      { targets: { thingNames: names }, document: { n }, timeoutConfig },
      { 'Idempotency-Key': `rolling-${n}` },
    );
    expect(status).toBe(201);
    const { jobId } = body as { jobId: string };
    return newJob({ jobId, jobType: 'SNAPSHOT', createdAt: span, thingNames: names, ...timeoutConfig });
  }

  async function restart(part: Part): Promise<void> {
    await part.stop();
    expect([part.name, part.exitCode]).toEqual([part.name, 0]);
    await part.start();
  }

  it('loses nothing', async () => {
    const jobs: KnownJob[] = [];
    const { worker, bridge, api } = topology.muster;
    for (const part of [...worker, ...bridge, ...api])
      await Promise.all([
        restart(part),
        (async () => {
          for (let i = 0; i < JOBS_PER_RESTART; i++) {
            jobs.push(await createJob(jobs.length));
            await sleep(JOB_EVERY_MS);
          }
        })(),
      ]);

    for (const { jobId } of jobs)
      await eventually(async () => {
        expect((await client.call('GET', `/jobs/${jobId}`)).body.status).toBe('COMPLETED');
      });
    const { violations, byStatus, executions } = await check(client, {
      ...{ jobs, accepted: fleet.accepted, membership: new Membership(), strikes: [] },
    });
    expect(violations).toEqual([]);
    expect(jobs).toHaveLength(6 * JOBS_PER_RESTART);
    expect(byStatus.SUCCEEDED).toBe(executions);
    expect(topology.parts.flatMap(({ faults }) => faults)).toEqual([]);
  });
});
