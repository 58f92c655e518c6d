import { describeOnEachStore } from '../../test/support/stores';
import type { Db } from '../store/database';
import { countStatuses } from './status-counts';

const JOBS = 250;

/** Each fifth is in progress; each has two shards with one execution that succeeded and two that are queued. */
async function insertJobs(db: Db): Promise<void> {
  const jobs = Array.from({ length: JOBS }, (_, i) => ({
    jobId: `job-${i}`,
    jobType: 'SNAPSHOT' as const,
    status: i % 5 === 0 ? ('IN_PROGRESS' as const) : ('COMPLETED' as const),
    dispatch: 'ALL' as const,
    documentJson: '{}',
    foldedName: '',
    thingNamesJson: '[]',
    groupNamesJson: '[]',
    thingCount: 6,
    timeoutConfigJson: '{}',
    membershipSeq: 0,
    createdBy: 'key:admin',
    createdAt: i,
    lastUpdatedAt: i,
  }));
  await db.insertInto('jobs').values(jobs).execute();
  for (const [status, n] of [
    ['SUCCEEDED', 1],
    ['QUEUED', 2],
  ] as const)
    for (const shard of [0, 1])
      await db
        .insertInto('job_counts')
        .values(jobs.map(({ jobId }) => ({ jobId, shard, status, n })))
        .execute();
}

describeOnEachStore((stores) => {
  it('all jobs and executions are counted, whatever the number', async () => {
    const db = await stores.open();
    expect(await countStatuses(db)).toEqual({ jobs: {}, executions: {} });
    await insertJobs(db);
    expect(await countStatuses(db)).toEqual({
      jobs: { IN_PROGRESS: 50, COMPLETED: 200 },
      executions: { SUCCEEDED: 500, QUEUED: 1_000 },
    });
  });

  it('everything else has its turn while they are counted', async () => {
    const db = await stores.open();
    await insertJobs(db);
    let turns = 0;
    const counting = countStatuses(db).then(() => turns);
    for (const ended = counting.then(() => true); ; turns++)
      if (await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))])) break;
    expect(await counting).toBeGreaterThanOrEqual(2);
  });
});
