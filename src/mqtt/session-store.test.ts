import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Subscription } from 'aedes';
import { SessionDatabase } from './session-database';
import { SessionStore, type QueuedMessage } from './session-store';
import { ownerOf } from './topics';

const LIMIT = 50;
const topic = 'fleet/t1/jobs/notify';
let directory: string;
let db: SessionDatabase;
let counter = 0;

async function open(): Promise<SessionStore> {
  db = new SessionDatabase(directory);
  const store = new SessionStore(db, {
    brokerId: 'b',
    queueLimit: LIMIT,
    isGranted: (_client, filter) => !filter.includes('t2'),
    ownerOf: (name) => ownerOf(['fleet'], name),
    onReady: () => undefined,
    onAcknowledged: () => undefined,
    onFailed: () => undefined,
  });
  await store.setup({});
  return store;
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-sessions-'));
});

afterEach(async () => {
  await db.close();
  rmSync(directory, { recursive: true });
});

const sub = (filter: string, qos: 0 | 1 = 1) => ({ topic: filter, qos }) as Subscription;
const sessionsFor = (store: SessionStore, to = topic) => [...store.recipients(to).keys()];

async function enqueue(store: SessionStore, clientId: string, n: number): Promise<void> {
  const messages = Array.from({ length: n }, (_, i) => ({
    ...{ topic, payload: Buffer.from(String(i)) },
    ...{ brokerId: 'b', brokerCounter: ++counter },
  }));
  await Promise.all(messages.map((message) => store.enqueue(clientId, message, false)));
}

async function queued(store: SessionStore, clientId: string): Promise<string[]> {
  return (await waiting(store, clientId)).map(({ payload }) => payload.toString());
}

const waiting = (store: SessionStore, id: string): Promise<QueuedMessage[]> => store.read(id, '', 10_000, '');

test('what is queued is on disk, each message of several at once', async () => {
  const store = await open();
  await enqueue(store, 'c1', 1);
  // The second write waits for the first.
  await enqueue(store, 'c1', 3);
  const copy = `${directory}-copy`;
  cpSync(directory, copy, { recursive: true });
  const killed = new SessionDatabase(copy);
  expect(await killed.keys().all()).toHaveLength(4);
  await killed.close();
  rmSync(copy, { recursive: true });
});

test('where nothing can be written, everyone who waits hears of it, and what was to be deleted is tried again', async () => {
  const store = await open();
  const client = { id: 'c1' };
  await enqueue(store, 'c1', 2);
  const [first] = await waiting(store, 'c1');
  store.sending('c1', first!);
  const full = jest.spyOn(ClassicLevel.prototype, 'batch').mockImplementation(() => {
    throw new Error('No space left on device');
  });
  await store.outgoingClearMessageId(client, first!);
  const both = await Promise.allSettled([enqueue(store, 'c1', 1), enqueue(store, 'c1', 1)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  full.mockRestore();
  expect(await queued(store, 'c1')).toEqual(['1']);
});

test('a queue keeps the newest', async () => {
  const store = await open();
  await enqueue(store, 'c1', 1000);
  const kept = await queued(store, 'c1');
  expect(kept.length).toBeLessThan(LIMIT + 100);
  expect(kept.length).toBeGreaterThanOrEqual(LIMIT);
  expect(kept.at(-1)).toBe('999');
  expect(kept.map(Number)).toEqual(Array.from({ length: kept.length }, (_, i) => 1000 - kept.length + i));
});

test('what was acknowledged is gone, and what was not keeps its message id', async () => {
  const store = await open();
  const client = { id: 'c1' };
  await enqueue(store, 'c1', 3);
  const [first, second, third] = await waiting(store, 'c1');
  store.sending('c1', first!);
  store.sending('c1', second!);
  await store.outgoingClearMessageId(client, first!);
  await store.outgoingClearMessageId(client, { messageId: 999 });
  await store.outgoingClearMessageId(client, third!);
  const kept = [
    { ...second, dup: true },
    { ...third, dup: false },
  ];
  expect(await waiting(store, 'c1')).toEqual(kept);

  await db.close();
  const restarted = await open();
  expect((await waiting(restarted, 'c1')).map(({ messageId }) => messageId)).toEqual(
    kept.map(({ messageId }) => messageId),
  );
  await enqueue(restarted, 'c1', 1);
  expect(new Set((await waiting(restarted, 'c1')).map(({ messageId }) => messageId)).size).toBe(3);
});

test('overlapping filters: one message each, whatever comes and goes', async () => {
  const store = await open();
  const client = { id: 'c1' };
  await store.addSubscriptions(client, [sub('fleet/t1/jobs/#')]);
  await store.addSubscriptions(client, [sub(topic)]);
  expect(sessionsFor(store)).toEqual(['c1']);
  await store.removeSubscriptions(client, ['fleet/t1/jobs/#']);
  expect(sessionsFor(store)).toEqual(['c1']);
  await store.addSubscriptions(client, [sub('fleet/t1/jobs/#')]);
  await store.addSubscriptions(client, [sub(topic, 0)]);
  expect(store.recipients(topic)).toEqual(new Map([['c1', { qos: 1, identifiers: [] }]]));
  await store.removeSubscriptions(client, ['fleet/t1/jobs/#']);
  expect(store.recipients(topic)).toEqual(new Map([['c1', { qos: 0, identifiers: [] }]]));
  await store.removeSubscriptions(client, [topic]);
  expect(sessionsFor(store)).toEqual([]);
});

test('subscriptions are found again, refused ones were never kept', async () => {
  const first = await open();
  await first.addSubscriptions({ id: 'c:1 ö/' }, [sub('fleet/t1/+/notify'), sub('fleet/t2/#')]);
  await enqueue(first, 'c:1 ö/', 2);
  await db.close();
  const store = await open();
  expect(sessionsFor(store)).toEqual(['c:1 ö/']);
  expect(sessionsFor(store, 'fleet/t2/jobs/notify')).toEqual([]);
  expect(await queued(store, 'c:1 ö/')).toEqual(['0', '1']);
});

test('of a forgotten thing nothing is left', async () => {
  const store = await open();
  const others = 'fleet/t10/jobs/notify';
  store.keep({ clientId: 'c1', thingName: 't1' });
  store.keep({ clientId: 'c10', thingName: 't10' });
  await store.addSubscriptions({ id: 'c1' }, [sub(topic)]);
  await store.addSubscriptions({ id: 'c10' }, [sub(others)]);
  await enqueue(store, 'c1', 3);
  await enqueue(store, 'c10', 3);
  await store.forget('t1');
  expect(sessionsFor(store)).toEqual([]);
  expect(await queued(store, 'c1')).toEqual([]);
  expect(sessionsFor(store, others)).toEqual(['c10']);
  expect(await queued(store, 'c10')).toHaveLength(3);
});

test('a client id that was another thing’s brings nothing along, and a new one leaves nothing behind', async () => {
  const store = await open();
  store.keep({ clientId: 'old', thingName: 't1' });
  await store.addSubscriptions({ id: 'old' }, [sub(topic)]);
  await enqueue(store, 'old', 3);
  await store.claim('old', 't1');
  expect(await queued(store, 'old')).toHaveLength(3);
  await store.claim('new', 't1');
  expect(sessionsFor(store)).toEqual([]);
  expect(await queued(store, 'old')).toEqual([]);

  store.keep({ clientId: 'new', thingName: 't1' });
  await store.addSubscriptions({ id: 'new' }, [sub(topic)]);
  await store.claim('new', 't10');
  expect(sessionsFor(store)).toEqual([]);
});
