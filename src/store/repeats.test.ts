import { describeOnEachStore } from '../../test/support/stores';
import { queuedExecution, type Report } from '../domain/execution';
import type { Db } from './database';
import { findExecution, findRepeated } from './executions';
import { createJob } from './jobs';
import { registerThings } from './things';
import { queueExecutions, recordTransition } from './transitions';

type UpdateRequest = Report & { clientToken?: string };

const NOW = 1_700_000_000_000;
const KEY = { jobId: 'job', thingName: 'lamp' };

const progress = { kind: 'update', status: 'IN_PROGRESS', clientToken: 'constant' } as const;
const failed = { ...progress, status: 'FAILED' } as const;

describeOnEachStore((stores) => {
  let db: Db;
  beforeEach(async () => {
    db = await stores.open();
    await registerThings(db, [{ name: 'lamp', tags: [], attributes: {} }], NOW);
    const targets = { thingNames: ['lamp'], thingGroupNames: [] };
    const job = {
      jobId: 'job',
      jobType: 'SNAPSHOT' as const,
      targets,
      documentJson: '{}',
      timeoutConfig: {},
    };
    await createJob(db, { ...job, createdBy: 'key:test' }, NOW);
    await queue(1);
  });

  it('finds the first transition of a report, also when the execution has ended', async () => {
    await record(2, { ...progress, expectedVersion: 1 });
    await record(3, { ...progress, expectedVersion: 2 });
    await record(4, failed);
    expect(await repeated({ ...progress, expectedVersion: 2 })).toMatchObject({ versionNumber: 3 });
    expect(await repeated(failed)).toMatchObject({ versionNumber: 4, to: 'FAILED' });
    expect(await repeated({ ...progress, expectedVersion: 4 })).toBeUndefined();
    expect(await repeated({ ...failed, clientToken: undefined })).toBeUndefined();
  });

  it('takes no report of an attempt for one of an earlier attempt, unless it names that', async () => {
    const named = { ...failed, executionNumber: 1 };
    await record(2, progress);
    await record(3, named);
    await queue(2);
    expect(await repeated(progress)).toBeUndefined();
    expect(await repeated(failed)).toBeUndefined();
    expect(await repeated(named)).toMatchObject({ executionNumber: 1, versionNumber: 3 });
  });

  it('looks among the last 100 transitions only', async () => {
    await record(2, progress);
    for (let version = 3; version <= 101; version++)
      await record(version, { ...progress, expectedVersion: version });
    expect(await repeated(progress)).toMatchObject({ versionNumber: 2 });
    await record(102, failed);
    expect(await repeated(progress)).toBeUndefined();
  });

  async function queue(executionNumber: number): Promise<void> {
    await db.updateTable('job_targets').set({ state: 'WAITING' }).execute();
    const launches = [{ thingName: 'lamp', executionNumber }];
    const state = queuedExecution(executionNumber, NOW, {});
    await queueExecutions(db, { jobId: 'job', shard: 0, launches, state, cause: { by: 'key:test' } });
  }

  async function record(versionNumber: number, report: UpdateRequest): Promise<void> {
    const state = { ...queuedExecution(1, NOW, {}), versionNumber, status: report.status };
    await recordTransition(db, { ...KEY, from: 'IN_PROGRESS', state, cause: { by: 'device' }, report });
  }

  async function repeated(request: UpdateRequest) {
    return findRepeated(db, (await findExecution(db, 'job', 'lamp'))!, request);
  }
});
