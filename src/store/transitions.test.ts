import { describeOnEachStore } from '../../test/support/stores';
import { queuedExecution, type ExecutionState } from '../domain/execution';
import type { ExecutionStatus } from '../domain/statuses';
import type { Db } from './database';
import { findExecution } from './executions';
import { findJob, listTargets } from './job-queries';
import { cancelJob, createJob, markJobDeleted } from './jobs';
import { appendTargets, putBackTargets, readTargets, removeLaunched, takeOutWaiting } from './targets';
import { registerThings } from './things';
import { queueExecutions, recordTransition } from './transitions';

const NOW = 1_700_000_000_000;
const THINGS = ['a', 'b', 'c'];
const ALL = { first: 0, end: 100 };

describeOnEachStore((stores) => {
  let db: Db;
  beforeEach(async () => {
    db = await stores.open();
    const things = THINGS.map((name) => ({ name, tags: [], attributes: {} }));
    await registerThings(db, things, NOW);
  });

  const create = (jobId: string, jobType: 'SNAPSHOT' | 'CONTINUOUS' = 'CONTINUOUS') =>
    createJob(
      db,
      {
        ...{ jobId, jobType, documentJson: '{}', timeoutConfig: {}, createdBy: 'key:a' },
        targets: { thingNames: THINGS, thingGroupNames: [] },
      },
      NOW,
    );

  const queue = (jobId: string, thingNames: string[], executionNumber = 1) =>
    queueExecutions(db, {
      ...{ jobId, shard: 0, cause: { by: 'key:a' }, state: queuedExecution(1, NOW, {}) },
      launches: thingNames.map((thingName) => ({ thingName, executionNumber })),
    });

  const record = (jobId: string, from: ExecutionStatus, to: ExecutionStatus, version: number, by: string) => {
    const state: ExecutionState = {
      ...{ executionNumber: 1, versionNumber: version, status: to },
      ...{ queuedAt: NOW, lastUpdatedAt: NOW + version, finishedAt: NOW + version },
    };
    return recordTransition(db, { jobId, thingName: 'a', from, state, cause: { by } });
  };

  const counts = async (jobId: string) => (await findJob(db, jobId)).targetCounts;
  const targets = async (jobId: string) =>
    (await listTargets(db, jobId, {}, { limit: 10 })).items.map((each) => [each.thingName, each.state]);

  describe('a launch', () => {
    it('makes visible what waits in the queue, once, and discards what is no target any more', async () => {
      await create('job');
      expect(await readTargets(db, { jobId: 'job', ...ALL })).toEqual(
        THINGS.map((thingName) => ({ thingName, executionNumber: 1 })),
      );
      expect(await takeOutWaiting(db, 'job', ['b'])).toEqual([]);
      const launched = { jobGoesOn: true, discarded: ['b'], gone: [] };
      expect(await queue('job', THINGS)).toEqual(launched);
      expect(await queue('job', THINGS)).toEqual(launched);
      expect(await findExecution(db, 'job', 'b')).toBeUndefined();
      expect(await counts('job')).toEqual({ total: 2, launched: 2, notLaunched: 0 });
      expect(await readTargets(db, { jobId: 'job', ...ALL })).toEqual([]);
    });

    it.each([
      ['canceled', () => cancelJob(db, 'job', { by: 'key:a', dispatch: 'STARTED' }, NOW)],
      ['being deleted', () => markJobDeleted(db, 'job', { by: 'key:a', force: true }, NOW)],
    ])('comes to nothing in a job that was %s', async (_, end) => {
      await create('job', 'SNAPSHOT');
      await queue('job', ['a']);
      await end();
      expect(await queue('job', THINGS)).toEqual({ jobGoesOn: false, discarded: ['b', 'c'], gone: [] });
      expect(await counts('job')).toEqual({ total: 3, launched: 1, notLaunched: 2 });
      expect(await targets('job')).toEqual([
        ['a', 'LAUNCHED'],
        ['b', 'NOT_LAUNCHED'],
        ['c', 'NOT_LAUNCHED'],
      ]);
    });
  });

  describe('the queue of a continuous job', () => {
    it('takes in what joins once, and gives what joins again its next attempt', async () => {
      await create('job');
      await queue('job', ['a']);
      expect(await takeOutWaiting(db, 'job', THINGS)).toEqual(['a']);
      await record('job', 'QUEUED', 'FAILED', 2, 'device');
      await removeLaunched(db, 'job', ['a']);
      await removeLaunched(db, 'job', ['a']);
      expect(await counts('job')).toEqual({ total: 0, launched: 0, notLaunched: 0 });

      expect(await appendTargets(db, 'job', ['a', 'b'], 7)).toBe(5);
      expect(await appendTargets(db, 'job', ['a', 'b'], 7)).toBe(5);
      expect(await readTargets(db, { jobId: 'job', first: 3, end: 5 })).toEqual([
        { thingName: 'a', executionNumber: 2 },
        { thingName: 'b', executionNumber: 1 },
      ]);
      expect(await putBackTargets(db, 'job', ['a'])).toBe(6);
      expect(await targets('job')).toEqual([
        ['b', 'WAITING'],
        ['a', 'WAITING'],
      ]);
    });

    it('has nothing more for a thing that is still at work', async () => {
      await create('job');
      await queue('job', ['a']);
      await record('job', 'QUEUED', 'IN_PROGRESS', 2, 'device');
      await removeLaunched(db, 'job', ['a']);
      await appendTargets(db, 'job', ['a'], 7);
      expect(await counts('job')).toEqual({ total: 3, launched: 1, notLaunched: 2 });
    });

    it('takes in nothing once the job is canceled', async () => {
      await create('job');
      await takeOutWaiting(db, 'job', ['a']);
      await cancelJob(db, 'job', { by: 'key:a', dispatch: 'NONE' }, NOW);
      await appendTargets(db, 'job', ['a'], 7);
      expect(await counts('job')).toEqual({ total: 2, launched: 0, notLaunched: 2 });
    });
  });

  describe('a transition', () => {
    it('never follows a terminal one, whoever has recorded that', async () => {
      await create('job');
      await queue('job', ['a']);
      await record('job', 'QUEUED', 'CANCELED', 2, 'key:a');
      expect(await record('job', 'QUEUED', 'TIMED_OUT', 3, 'timer')).toMatchObject({
        outcome: 'taken',
        row: { status: 'CANCELED', versionNumber: 2 },
      });
      expect(await findExecution(db, 'job', 'a')).toMatchObject({ status: 'CANCELED', versionNumber: 2 });
    });

    it.each(['IN_PROGRESS', 'SUCCEEDED'] as const)(
      'by a device from QUEUED to %s comes to nothing once the job is canceled',
      async (to) => {
        await create('job');
        await queue('job', ['a']);
        await cancelJob(db, 'job', { by: 'key:a', dispatch: 'STARTED' }, NOW);
        expect(await record('job', 'QUEUED', to, 2, 'device')).toEqual({ outcome: 'jobCanceled' });
        expect(await record('job', 'QUEUED', 'CANCELED', 2, 'key:a')).toMatchObject({ outcome: 'recorded' });
      },
    );
  });

  it('a cancellation is raised to force only while something is at work', async () => {
    await create('job', 'SNAPSHOT');
    await queue('job', ['a']);
    const cancel = (dispatch: 'STARTED' | 'NONE') => cancelJob(db, 'job', { by: 'key:a', dispatch }, NOW);
    await record('job', 'QUEUED', 'IN_PROGRESS', 2, 'device');
    expect([await cancel('STARTED'), await cancel('STARTED')]).toEqual([true, false]);
    expect([await cancel('NONE'), await cancel('NONE')]).toEqual([true, false]);
    expect(await cancelJob(db, 'unknown', { by: 'key:a', dispatch: 'NONE' }, NOW)).toBe(false);

    await create('idle', 'SNAPSHOT');
    await cancelJob(db, 'idle', { by: 'key:a', dispatch: 'STARTED' }, NOW);
    expect(await cancelJob(db, 'idle', { by: 'key:a', dispatch: 'NONE' }, NOW)).toBe(false);
  });
});
