import { describeOnEachStore } from '../../test/support/stores';
import type { ExecutionState } from '../domain/execution';
import type { ExecutionStatus } from '../domain/statuses';
import type { Db } from './database';
import { queueExecutions, recordTransition } from './transitions';
import { changeMembers, createGroup } from './groups';
import { findExecution } from './job-queries';
import { cancelJob, completeJob, createJob } from './jobs';
import { readMembershipChanges } from './membership-changes';
import { countDeletions, findEndedJobs, trimMembershipLog } from './retention';
import { appendTargets } from './targets';
import { registerThings } from './things';

const NOW = 1_700_000_000_000;

describeOnEachStore((stores) => {
  let db: Db;
  beforeEach(async () => {
    db = await stores.open();
    const things = ['t', 'u'].map((name) => ({ name, tags: [], attributes: {} }));
    await registerThings(db, things, NOW);
  });

  const create = (jobId: string, targets: { thingNames?: string[]; thingGroupNames?: string[] }) =>
    createJob(
      db,
      {
        ...{ jobId, documentJson: '{}', timeoutConfig: {}, createdBy: 'key:a' },
        jobType: targets.thingGroupNames ? 'CONTINUOUS' : 'SNAPSHOT',
        targets: { thingNames: [], thingGroupNames: [], ...targets },
      },
      NOW,
    );

  const stateAt = (status: ExecutionStatus, versionNumber: number): ExecutionState => ({
    ...{ status, versionNumber, executionNumber: 1, queuedAt: NOW, lastUpdatedAt: NOW },
  });

  const launch = (jobId: string) =>
    queueExecutions(db, {
      ...{ jobId, shard: 0, cause: { by: 'key:a' } },
      ...{ launches: [{ thingName: 't', executionNumber: 1 }], state: stateAt('QUEUED', 1) },
    });

  const transition = (jobId: string, to: ExecutionStatus, version: number) =>
    recordTransition(db, {
      ...{ jobId, thingName: 't', state: stateAt(to, version), cause: { by: 'thing' } },
      from: version === 2 ? 'QUEUED' : 'IN_PROGRESS',
    });

  const follow = async (jobId: string, limit: number) => {
    const changes = await readMembershipChanges(db, jobId, limit);
    await appendTargets(db, jobId, changes!.launch, changes!.cursor);
  };

  it('finds jobs that ended long ago, and none that has something to do', async () => {
    for (const jobId of ['open', 'completed', 'late', 'canceled']) {
      await create(jobId, { thingNames: ['t'] });
      await launch(jobId);
    }
    await transition('completed', 'SUCCEEDED', 2);
    await completeJob(db, 'completed', NOW + 2);
    await cancelJob(db, 'canceled', { by: 'key:a', dispatch: 'STARTED' }, NOW + 1);
    await transition('late', 'SUCCEEDED', 2);
    await completeJob(db, 'late', NOW + 10);
    expect(await findEndedJobs(db, NOW + 10, 10)).toEqual(['completed']);
    await transition('canceled', 'CANCELED', 2);
    expect(await findEndedJobs(db, NOW + 10, 10)).toEqual(['canceled', 'completed']);
    expect(await findEndedJobs(db, NOW + 10, 1)).toEqual(['canceled']);
    expect(await countDeletions(db)).toBe(0);
  });

  it('trims the membership log behind the job that has read least', async () => {
    await createGroup(db, { name: 'g', description: null, tags: [] }, NOW);
    const change = (member: string, kind: 'add' | 'remove', at: number) =>
      changeMembers(db, 'g', { add: [], remove: [], [kind]: [member] }, at);
    const left = async () =>
      (await db.selectFrom('membership_log').select('seq').orderBy('seq').execute()).map(({ seq }) => seq);

    await change('t', 'add', NOW + 1);
    await create('ahead', { thingGroupNames: ['g'] });
    await create('behind', { thingGroupNames: ['g'] });
    await change('t', 'remove', NOW + 2);
    await change('u', 'add', NOW + 3);
    await follow('ahead', 10);
    await trimMembershipLog(db, NOW + 100);
    expect(await left()).toEqual([2, 3]);
    await follow('behind', 1);
    await trimMembershipLog(db, NOW + 100);
    expect(await left()).toEqual([3]);
    await cancelJob(db, 'behind', { by: 'key:a', dispatch: 'NONE' }, NOW);
    await trimMembershipLog(db, NOW + 3);
    expect(await left()).toEqual([3]);
    await trimMembershipLog(db, NOW + 4);
    expect(await left()).toEqual([]);
    await change('u', 'remove', NOW + 5);
    expect(await left()).toEqual([4]);
  });

  it('keeps the first transition of an execution and the latest thousand', async () => {
    await create('job', { thingNames: ['t'] });
    await launch('job');
    for (let version = 2; version <= 1_250; version++) await transition('job', 'IN_PROGRESS', version);
    const rows = await db
      .selectFrom('transitions')
      .select('versionNumber')
      .orderBy('versionNumber')
      .execute();
    const versions = rows.map(({ versionNumber }) => versionNumber);
    expect(versions[0]).toBe(1);
    expect(versions[1]).toBe(201);
    expect(versions).toHaveLength(1 + 1_050);
    expect((await findExecution(db, 'job', 't')).transitions.at(0)).toMatchObject({ versionNumber: 251 });
  });
});
