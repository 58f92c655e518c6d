/** `muster up` on PostgreSQL, which goes away in the middle of a job and comes back. */
import { connectDevice, createThing } from './support/device';
import { eventually } from './support/eventually';
import { createJob, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';
import { describeWithPostgres, startPostgres, type Postgres } from './support/postgres';

const SECRET = 'hush-hush-hush';

describeWithPostgres('on PostgreSQL', () => {
  let postgres: Postgres;
  let muster: Muster;
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = new URL(await postgres.createDatabase());
    url.password = SECRET;
    muster = await startMuster({ env: { DATABASE_URL: url.href, LOG_LEVEL: 'debug' } });
  });
  afterAll(async () => {
    await muster?.stop();
    await postgres?.destroy();
  });

  test('a job outlives a PostgreSQL that goes away and comes back', async () => {
    const names = ['pg-1', 'pg-2'];
    const [one, other] = await Promise.all(names.map((name) => createThing(muster, name)));
    const jobId = await createJob(muster, { targets: { thingNames: names } });
    await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 2 });
    const first = await connectDevice(muster, one!);
    await first.request('start-next');
    await first.request(`${jobId}/update`, { status: 'SUCCEEDED' });
    const second = await connectDevice(muster, other!);
    await second.request('start-next');
    await untilJob(muster, jobId, 'IN_PROGRESS', { SUCCEEDED: 1, IN_PROGRESS: 1 });

    await postgres.stop('immediate');
    const refused = await muster.api('GET', '/jobs');
    expect(refused.status).toBe(503);
    expect(refused.body).toMatchObject({ code: 'ServiceUnavailable' });
    expect((await muster.api('POST', '/things', { name: 'pg-4' })).body).toMatchObject({
      code: 'ServiceUnavailable',
    });
    await eventually(async () => {
      const readiness = await fetch(`${muster.http}/readyz`);
      expect(readiness.status).toBe(503);
      expect(await readiness.json()).toMatchObject({
        ready: false,
        checks: { store: 'failed', temporal: 'ok' },
      });
    });
    expect((await fetch(`${muster.http}/healthz`)).status).toBe(200);
    const topic = `$emqx/things/pg-2/jobs/${jobId}/update`;
    await expect(second.publishRaw(topic, '{"status":"SUCCEEDED"}')).rejects.toThrow();

    await postgres.start();
    await eventually(async () => expect((await fetch(`${muster.http}/readyz`)).status).toBe(200));
    expect((await muster.api('POST', '/things', { name: 'pg-4' })).status).toBe(201);
    const again = await connectDevice(muster, other!);
    expect(await again.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({ accepted: true });
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 2 });
    await Promise.all([first, again].map((device) => device.close()));
    expect(muster.output()).not.toContain(SECRET);
    expect(muster.output()).toContain('A connection to PostgreSQL was lost');
  });
});
