/** Deleting a job with all its records. */
import { heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { SECOND } from '../src/domain/limits';
import { PENDING_STATUSES } from '../src/domain/statuses';
import type { Notifier } from '../src/devices/notifier';
import { endWithoutWorkflow } from '../src/devices/without-workflow';
import type { Db } from '../src/store/database';
import { countPending } from '../src/store/executions';
import { deleteExecutionPage, deleteJobRow, findJobState, markJobDeleted } from '../src/store/jobs';
import { reached } from '../src/temporal/open-workflows';
import { executionWorkflowId, removeExecution, type DeletionRequest } from '../workflows/messages';
import { refused } from './refused';
import { eachExecution } from './job';

const RECORDS_PER_TRANSACTION = 500;
const STILL_AFTER = 10 * SECOND;
const LOOK_EVERY = 200;

export function deletionActivities({ db, client, notifier }: { db: Db; client: Client; notifier: Notifier }) {
  return {
    async markJobDeleted({ jobId, by, force }: DeletionRequest): Promise<void> {
      const job = await findJobState(db, jobId);
      if (!job) throw refused('There is no such job.', 'JobNotFound');
      if (job.status === 'IN_PROGRESS' && !force) {
        throw refused('The job is IN_PROGRESS: cancel it first, or delete it with force=true.', 'JobActive');
      }
      await markJobDeleted(db, jobId, by, Date.now());
    },

    /**
     * Asks every pending execution to go and waits while they do.
     * @returns how many are left when nothing has moved for a while; 0 when the records can be deleted
     */
    async removeExecutions({ jobId, by }: { jobId: string; by: string }): Promise<number> {
      const cause = { by, reason: 'The job was deleted.' };
      for (const status of PENDING_STATUSES) {
        await eachExecution(db, jobId, status, async (thingName) => {
          const handle = client.workflow.getHandle(executionWorkflowId(jobId, thingName));
          const open = await reached(() => handle.signal(removeExecution, cause));
          if (!open)
            await endWithoutWorkflow({ db, notifier }, { jobId, thingName }, { kind: 'remove' }, cause);
          return open;
        });
      }
      return untilStill(() => countPending(db, jobId));
    },

    async deleteRecords({ jobId }: { jobId: string }): Promise<void> {
      while ((await deleteExecutionPage(db, jobId, RECORDS_PER_TRANSACTION)) > 0) heartbeat();
      await deleteJobRow(db, jobId, Date.now());
    },
  };
}

/** Watches a number go down to 0. @returns the number when it has stood still for `STILL_AFTER` */
async function untilStill(count: () => Promise<number>): Promise<number> {
  let left = await count();
  for (let since = Date.now(); left > 0 && Date.now() - since < STILL_AFTER;) {
    await sleep(LOOK_EVERY);
    heartbeat();
    const now = await count();
    if (now < left) since = Date.now();
    left = now;
  }
  return left;
}
