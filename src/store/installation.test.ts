import { openStore, type Db } from './database';
import { readTaskQueue } from './installation';
import { createJob } from './jobs';
import { up } from './migrations/003-installation';

let db: Db;
beforeEach(async () => {
  db = await openStore({ file: ':memory:' });
});
afterEach(() => db.destroy());

test('each store has a task queue of its own', async () => {
  const other = await openStore({ file: ':memory:' });
  expect(await readTaskQueue(db)).toMatch(/^muster-[0-9a-f-]{36}$/);
  expect(await readTaskQueue(other)).not.toBe(await readTaskQueue(db));
  await other.destroy();
});

test('a store with jobs from before stays on their queue', async () => {
  await createJob(
    db,
    {
      ...{ jobId: 'j', jobType: 'SNAPSHOT', documentJson: '{}', timeoutConfig: {}, createdBy: 'key:test' },
      targets: { thingNames: [], thingGroupNames: [] },
    },
    Date.now(),
  );
  await db.schema.dropTable('installation').execute();
  await up(db as never);
  expect(await readTaskQueue(db)).toBe('muster');
});
