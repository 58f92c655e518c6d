/** Deleting a job with all its records. */
import { heartbeat, sleep } from '@temporalio/activity';
import { SECOND } from '../src/domain/limits';
import { PENDING_STATUSES } from '../src/domain/statuses';
import { countPending } from '../src/store/executions';
import { deleteJobRow, deleteRecordPage, markJobDeleted } from '../src/store/jobs';
import type { DeleteJobRequest } from '../workflows/messages';
import { askAll, type AskDeps } from './asking';
import { refused } from './refused';

const THINGS_PER_TRANSACTION = 100;
const STILL_AFTER = 10 * SECOND;
const LOOK_EVERY = 200;

export function deletionActivities(deps: AskDeps) {
  const { db } = deps;
  return {
    async markJobDeleted({ jobId, ...request }: DeleteJobRequest & { jobId: string }): Promise<void> {
      const status = await markJobDeleted(db, jobId, request, Date.now());
      if (!status) throw refused(`There is no job ${jobId}.`, 'JobNotFound');
      if (status === 'IN_PROGRESS' && !request.force) {
        throw refused('The job is IN_PROGRESS: cancel it first, or delete it with force=true.', 'JobActive');
      }
    },

    /**
     * Asks every pending execution to go and waits while they do.
     * @returns how many are left when nothing has moved for a while; 0 when the records can be deleted
     */
    async removeExecutions({ jobId, by }: { jobId: string; by: string }): Promise<number> {
      const cause = { by, reason: 'The job was deleted.' };
      for (const status of PENDING_STATUSES) await askAll(deps, { jobId, status }, { kind: 'remove' }, cause);
      return untilStill(() => countPending(db, jobId));
    },

    /** Goes through the things of the job by name, so that nothing that is gone is passed over again. */
    async deleteRecords({ jobId }: { jobId: string }): Promise<void> {
      let after: string | undefined = '';
      while (after !== undefined) {
        after = await deleteRecordPage(db, jobId, after, THINGS_PER_TRANSACTION);
        heartbeat();
      }
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
