/** The stream of events on a real Muster: nothing is missed and nothing comes twice, whatever happens to the server. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connectDevice, createThing } from './support/device';
import { listen, type Listening, type SeenEvent } from './support/event-stream';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

let muster: Muster;
let dataDir: string;
let open: Listening[] = [];

beforeAll(async () => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-test-'));
  muster = await startMuster({ dataDir });
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(async () => {
  await muster?.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

async function start(lastEventId?: string): Promise<Listening> {
  const authorization = `Basic ${Buffer.from(`${muster.key}:${muster.secret}`).toString('base64')}`;
  const headers = { authorization, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const listening = await listen(`${muster.http}/api/v1/events`, headers);
  open.push(listening);
  return listening;
}

const told = ({ seen }: Listening, thingName: string) =>
  seen
    .filter(({ data }) => (data as { thingName?: string }).thingName === thingName)
    .map(({ event, data: { to } }: SeenEvent) => (to as string | undefined) ?? event);

test('a client that comes back after a kill of the server has heard of everything once', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `thing-${i}`);
  for (const name of names) await createThing(muster, name);
  const first = await start();
  await first.until(1);
  const create = () =>
    muster
      .api('POST', '/jobs', { targets: { thingNames: names }, document: {} })
      .then(({ body }) => body as { jobId: string });
  const job = await create();
  await first.until(5);
  await muster.kill9();
  await first.ended;

  muster = await startMuster({ dataDir });
  const second = await start(first.lastEventId());
  await eventually(async () => {
    const { body } = await muster.api('GET', `/jobs/${job.jobId}`);
    expect(body).toMatchObject({ executionCounts: { QUEUED: 30 } });
  });
  await muster.api('POST', `/jobs/${job.jobId}/cancel`, {});
  await eventually(() =>
    expect([...first.seen, ...second.seen].filter(({ data }) => data.to === 'CANCELED')).toHaveLength(30),
  );

  const seen = [...first.seen.slice(1), ...second.seen];
  expect(seen.filter(({ event }) => event === 'reset')).toEqual([]);
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  const steps = seen.filter(({ event }) => event === 'execution.changed');
  for (const name of names) {
    const ofThing = steps
      .filter(({ data }) => data.thingName === name)
      .map(({ data }) => [data.from, data.to] as unknown);
    expect(ofThing).toEqual([
      [null, 'QUEUED'],
      ['QUEUED', 'CANCELED'],
    ]);
  }
});

test('things are connected while their devices are, also when one connection takes over from another', async () => {
  const credentials = await createThing(muster, 'here');
  const connection = async () =>
    ((await muster.api('GET', '/things/here')).body as { connection: { connected: boolean } | null })
      .connection;
  expect(await connection()).toBeNull();
  const listening = await start();
  await listening.until(1);

  const device = await connectDevice(muster, credentials);
  await eventually(async () => expect(await connection()).toMatchObject({ connected: true }));
  const second = await connectDevice(muster, credentials);
  await device.close();
  // Something that is told after whatever the takeover may have told.
  await (await connectDevice(muster, await createThing(muster, 'witness'))).close();
  await eventually(() => expect(told(listening, 'witness')).toContain('thing.disconnected'));
  expect(told(listening, 'here')).toEqual(['thing.connected']);

  await second.close();
  await eventually(async () => expect(await connection()).toMatchObject({ connected: false }));
  await eventually(() => expect(told(listening, 'here')).toEqual(['thing.connected', 'thing.disconnected']));
});

test('a thing that was connected when Muster was killed is not connected after it', async () => {
  const device = await connectDevice(muster, await createThing(muster, 'gone'));
  const connected = async () =>
    ((await muster.api('GET', '/things?connected=true')).body as { items: { name: string }[] }).items;
  await eventually(async () => expect(await connected()).toMatchObject([{ name: 'gone' }]));
  const before = await start();
  await before.until(1);
  await muster.kill9();
  await device.close();
  muster = await startMuster({ dataDir });
  expect(await connected()).toEqual([]);
  const after = await start(before.lastEventId());
  await eventually(() => expect(told(after, 'gone')).toEqual(['thing.disconnected']));
});

test('a stop of Muster is not held up by who listens', async () => {
  const listening = await start();
  await listening.until(1);
  await muster.stop();
  await listening.ended;
  muster = await startMuster({ dataDir });
});
