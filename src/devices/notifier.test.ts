import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { queuedExecution } from '../domain/execution';
import { openStore, type Db } from '../store/database';
import { queueExecutions, recordTransition } from '../store/transitions';
import { createJob } from '../store/jobs';
import { registerThings } from '../store/things';
import { createNotifier } from './notifier';

const NOW = 1_700_000_000_000;

let directory: string;
let db: Db;
/** What the thing has heard: the ids of pending jobs in each message. */
let heard: string[][];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-notifier-'));
  db = await openStore({ file: path.join(directory, 'muster.db') });
  heard = [];
  await registerThings(db, [{ name: 'lamp', tags: [], attributes: {} }], NOW);
});
afterEach(async () => {
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const queued = queuedExecution(1, NOW, {});

async function queue(jobId: string): Promise<void> {
  const targets = { thingNames: ['lamp'], thingGroupNames: [] };
  const job = { jobId, jobType: 'SNAPSHOT' as const, targets, documentJson: '{}', timeoutConfig: {} };
  await createJob(db, { ...job, createdBy: 'key:test' }, NOW);
  const launches = [{ thingName: 'lamp', executionNumber: 1 }];
  const page = { jobId, shard: 0, launches, state: queued, cause: { by: 'key:test' }, retarget: false };
  await queueExecutions(db, page);
}

async function succeed(jobId: string): Promise<void> {
  const state = { ...queued, versionNumber: 2, status: 'SUCCEEDED' as const, finishedAt: NOW };
  await recordTransition(db, { jobId, thingName: 'lamp', from: 'QUEUED', state, cause: { by: 'device' } });
}

/** @param before called with each message before the broker has it */
function processWith(before: () => Promise<void>) {
  const publisher = {
    async publish(_topic: string, json: string) {
      await before();
      const { QUEUED = [] } = (JSON.parse(json) as { jobs: { QUEUED?: { jobId: string }[] } }).jobs;
      heard.push(QUEUED.map(({ jobId }) => jobId));
    },
  };
  return createNotifier({ db, publisher, prefixes: ['things'], amongOthers: true });
}

it('tells last what is true last, though another process was quicker', async () => {
  await queue('a');
  const quick = processWith(() => Promise.resolve());
  let overtaken = false;
  const slow = processWith(async () => {
    if (overtaken) return;
    overtaken = true;
    await succeed('a');
    await quick.notify('lamp', { list: true, head: false });
  });
  await slow.notify('lamp', { list: true, head: false });
  expect(heard).toEqual([[], ['a'], []]);
});

it('tells once where nothing has changed meanwhile', async () => {
  await queue('a');
  await processWith(() => Promise.resolve()).notify('lamp', { list: true, head: false });
  expect(heard).toEqual([['a']]);
});
