/** Who listens hears everything, once and in order. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN, basic, openApi, type TestApi } from '../../test/support/api';
import { eventually } from '../../test/support/eventually';
import { listen, type Listening } from '../../test/support/event-stream';
import { describeWithPostgres } from '../../test/support/postgres';
import { describeOnEachStore, freshDatabases } from '../../test/support/stores';
import { event as eventSchema } from '../contract/rest';
import { createApiKey, revokeApiKey } from '../store/api-keys';
import { BEGINNING } from '../domain/events';
import { openStore, type Db } from '../store/database';
import { appendEvents, eventsAfter } from '../store/events';
import { inTransaction } from '../store/transaction';

const changed = (n: number, jobId = 'j') => ({
  type: 'execution.changed' as const,
  at: n,
  jobId,
  thingName: `t${n}`,
  data: { executionNumber: 1, versionNumber: n, from: null, to: 'QUEUED', by: 'device' },
});
const append = (db: Db, ...numbers: number[]) =>
  appendEvents(
    db,
    numbers.map((n) => changed(n)),
  );
const numbers = ({ seen }: Listening) =>
  seen.flatMap(({ data }) => (data as { versionNumber?: number }).versionNumber ?? []);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describeOnEachStore((stores) => {
  let db: Db;
  let api: TestApi;
  let open: Listening[];
  beforeEach(async () => {
    db = await stores.open();
    api = await openApi({ db, heartbeatEveryMs: 200 });
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((one) => one.close()));
    await api.stop();
  });

  async function start(lastEventId?: string, query = ''): Promise<Listening> {
    const headers = { ...basic(), ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
    const listening = await listen(`${api.url}/api/v1/events${query}`, headers);
    open.push(listening);
    return listening;
  }

  it('begins with where it stands, then tells what happens in order', async () => {
    await append(db, 1, 2);
    const listening = await start();
    await listening.until(1);
    expect(listening.text()).toMatch(
      /^retry: 2000\n\n: connected\n\nid: [\d.]+\nevent: ready\ndata: \{\}\n\n/,
    );
    await append(db, 3, 4);
    await append(db, 5);
    const seen = await listening.until(4);
    expect(numbers(listening)).toEqual([3, 4, 5]);
    for (const one of seen) expect(one).toEqual(eventSchema.parse(one));
    expect(seen[1]!.data).toMatchObject({ jobId: 'j', thingName: 't3', at: '1970-01-01T00:00:00.003Z' });
  });

  it('tells who comes back exactly what was missed', async () => {
    const first = await start();
    await append(db, ...range(1, 3));
    await first.until(4);
    await first.close();
    await append(db, ...range(4, 2_600));
    const second = await start(first.lastEventId());
    const third = await start(undefined, `?lastEventId=${first.lastEventId()}`);
    await append(db, 2_601);
    await second.until(2_598);
    await third.until(2_598);
    expect(numbers(second)).toEqual(range(4, 2_601));
    expect(numbers(third)).toEqual(range(4, 2_601));
  });

  it('brings up to date who is far behind, while more happens', async () => {
    const ahead = await start();
    await ahead.until(1);
    await append(db, ...range(1, 15_000));
    const behind: Listening[] = [];
    for (let n = 15_001; n <= 15_300; n++) {
      await append(db, n);
      if (n % 50 === 0) behind.push(await start(ahead.seen[0]!.id));
      await sleep(5);
    }
    for (const one of behind) await eventually(() => expect(numbers(one).at(-1)).toBe(15_300));
    for (const one of behind) expect(numbers(one)).toEqual(range(1, 15_300));
  });

  it('tells everybody the same while some come and go', async () => {
    const listeners: Listening[] = [];
    for (let n = 1; n <= 300; n++) {
      await append(db, n);
      if (n % 60 === 1) listeners.push(await start(undefined));
    }
    await Promise.all(listeners.map((one) => eventually(() => expect(numbers(one).at(-1)).toBe(300))));
    listeners.forEach((one, i) => expect(numbers(one)).toEqual(range(60 * i + 2, 300)));
  });

  it('tells of one job alone, and keeps the place in all events', async () => {
    const listening = await start(undefined, '?jobId=k');
    await append(db, 1);
    await appendEvents(db, [
      changed(2, 'k'),
      changed(3, 'l'),
      { type: 'thing.connected', at: 4, thingName: 'a' },
    ]);
    await listening.until(2);
    expect(numbers(listening)).toEqual([2]);
    const all = await start('0.0');
    await all.until(1);
    // A heartbeat carries the place, so that a quiet job does not fall behind.
    await eventually(() => expect(listening.lastEventId()).toBe(all.lastEventId()));
  });

  it.each(['nonsense', '7.7', '0.999'])('makes a client begin anew that comes back with %p', async (id) => {
    await append(db, 1);
    const listening = await start(id);
    await append(db, 2);
    const [reset] = await listening.until(2);
    expect(reset).toMatchObject({
      event: 'reset',
      data: { reason: expect.stringMatching(/Last-Event-ID/) as string },
    });
    expect(numbers(listening)).toEqual([2]);
  });

  it('makes a client begin anew that has missed too much', async () => {
    await append(db, 1);
    const before = await start();
    await before.until(1);
    await before.close();
    await append(db, ...range(2, 20_002));
    const [reset] = await (await start(before.lastEventId())).until(1);
    expect(reset).toMatchObject({
      event: 'reset',
      data: { reason: 'More than 20,000 events have been missed.' },
    });
  });

  it('hears nothing of what was rolled back', async () => {
    const listening = await start();
    const failing = inTransaction(db, async (tx) => {
      await appendEvents(tx, [changed(1)]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await append(db, 2);
    await listening.until(2);
    expect(numbers(listening)).toEqual([2]);
  });

  it('ends with the permission to listen', async () => {
    const key = await createApiKey(
      db,
      { name: 'listener', permissions: [{ methods: ['GET'], pathPrefix: '/api/v1/events' }] },
      Date.now(),
    );
    const listening = await listen(`${api.url}/api/v1/events`, basic(key));
    open.push(listening);
    await listening.until(1);
    await revokeApiKey(db, key.apiKey, Date.now());
    await listening.ended;
    expect((await listen(`${api.url}/api/v1/events`, basic(key))).status).toBe(401);
  });
});

describeWithPostgres('with transactions side by side', () => {
  const databases = freshDatabases();

  it('tells what began earlier and commits later, in the order in which it is told to all', async () => {
    const db = await openStore({ url: await databases.create(), poolSize: 5 });
    const api = await openApi({ db });
    const listening = await listen(`${api.url}/api/v1/events`, basic());
    await listening.until(1);

    let commit = () => {};
    const held = new Promise<void>((resolve) => (commit = resolve));
    let begun = () => {};
    const earlierBegan = new Promise<void>((resolve) => (begun = resolve));
    const earlier = inTransaction(db, async (tx) => {
      await appendEvents(tx, [changed(1)]);
      begun();
      await held;
    });
    await earlierBegan;
    await append(db, 2);
    expect(await eventsAfter(db, BEGINNING, 10)).toEqual([]);
    commit();
    await earlier;
    await listening.until(3);
    expect(numbers(listening)).toEqual([1, 2]);

    await listening.close();
    await api.stop();
  });
});

describe('a stream', () => {
  let api: TestApi;
  beforeEach(async () => {
    api = await openApi({ maxListeners: 2 });
  });
  afterEach(() => api.stop());
  const start = (headers = basic()) => listen(`${api.url}/api/v1/events`, headers);

  it('is refused to who may not listen, and beyond as many as are served', async () => {
    const permissions = [{ methods: ['GET' as const], pathPrefix: '/api/v1/jobs' }];
    const other = await createApiKey(api.db, { name: 'x', permissions }, Date.now());
    expect((await start(basic(other))).status).toBe(403);
    expect((await start({})).status).toBe(401);

    const [first] = await Promise.all([start(), start()]);
    expect((await start()).status).toBe(503);
    await first.close();
    await eventually(async () => expect((await start()).status).toBe(200));
  });

  it('ends for a client that does not read, which then goes on where it was', async () => {
    const { port, host } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const { authorization } = basic();
    socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n\r\n`);
    let text = String((await once(socket, 'data'))[0]);
    socket.pause();
    // More than the buffers of two sockets, while somebody else reads along.
    const padding = 'x'.repeat(2_000);
    const counted = await start();
    for (let n = 0; n < 8_000; n += 400) {
      const some = range(n + 1, n + 400);
      await appendEvents(
        api.db,
        some.map((one) => ({ ...changed(one), data: { versionNumber: one, padding } })),
      );
      await counted.until(1 + n + 400);
    }
    // The server has cut it off by now; what is left is what lies in the buffers between.
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    const closed = once(socket, 'close');
    socket.on('error', () => undefined).resume();
    await closed;
    const ids = [...text.matchAll(/\nid: 0\.(\d+)\nevent: execution\.changed\n/g)].map(([, id]) =>
      Number(id),
    );
    expect(ids.length).toBeLessThan(8_000);
    await counted.close();
    const again = await listen(`${api.url}/api/v1/events`, {
      ...basic(),
      'last-event-id': `0.${ids.at(-1) ?? 0}`,
    });
    await again.until(8_000 - ids.length);
    expect([...ids, ...numbers(again)]).toEqual(range(1, 8_000));
    await again.close();
  });
});

it('lets the first administrator listen by cookie', async () => {
  const api = await openApi();
  const answer = await fetch(`${api.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ADMIN),
  });
  const cookie = answer.headers.get('set-cookie')!.split(';')[0]!;
  const listening = await listen(`${api.url}/api/v1/events`, { cookie });
  expect((await listening.until(1))[0]).toMatchObject({ event: 'ready' });
  await listening.close();
  await api.stop();
});
