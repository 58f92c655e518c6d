/** Removes a job and all its records: first what devices still have pending, then page by page the rest. */
import {
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { paging, remote } from './activity-types';
import { deleteJob, jobWorkflowId, stopJob } from './messages';
import { refusalIn } from './refusal';
import { signalIfOpen } from './signal-if-open';

/** @param by who deletes it without being asked for an answer: `doctor` goes on with one that was broken off */
export async function deletion({ jobId, by }: { jobId: string; by?: string }): Promise<void> {
  let deletedBy = by;
  let judged = by !== undefined;
  setHandler(deleteJob, async (request) => {
    try {
      await remote.markJobDeleted({ jobId, ...request });
      deletedBy ??= request.by;
    } catch (error) {
      throw refusalIn(error);
    } finally {
      judged = true;
    }
  });
  await condition(() => judged && allHandlersFinished());
  if (deletedBy === undefined) return;

  setCurrentDetails('Stopping the job and removing executions that are still pending.');
  await signalIfOpen(getExternalWorkflowHandle(jobWorkflowId(jobId)), stopJob, 'DELETION_IN_PROGRESS');
  while ((await paging.removeExecutions({ jobId, by: deletedBy })) > 0) await sleep('5s');
  setCurrentDetails('Deleting the execution records.');
  await paging.deleteRecords({ jobId });
  await condition(allHandlersFinished);
}
