/**
 * Stops a job at an operator's word. From the commit in the store on, no device gets it any more; then each execution
 * that must stop is asked. A workflow of its own, because a job that is canceled already can still be stopped with force.
 */
import {
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { PendingStatus } from '../src/domain/statuses';
import { paging, remote } from './activity-types';
import { cancelJob, jobWorkflowId, stopJob } from './messages';
import { refusalIn } from './refusal';
import { signalIfOpen } from './signal-if-open';

export async function cancellation({ jobId }: { jobId: string }): Promise<void> {
  const passes = new Map<PendingStatus, Promise<void>>();
  let judged = false;
  setHandler(cancelJob, async (request) => {
    try {
      await remote.cancelJob({ jobId, ...request });
      stop('QUEUED');
      if (request.force) stop('IN_PROGRESS');
    } catch (error) {
      throw refusalIn(error);
    } finally {
      judged = true;
    }
  });
  await condition(() => judged && allHandlersFinished());
  // A cancellation with force may come while an earlier one is carried out.
  for (let carriedOut = 0; carriedOut < passes.size;) {
    carriedOut = passes.size;
    await Promise.all(passes.values());
    await condition(allHandlersFinished);
  }

  /** Each pass goes through all executions in the status. Nothing comes to it: nothing of the job starts any more. */
  function stop(status: PendingStatus): void {
    if (passes.has(status)) return;
    setCurrentDetails(`Canceling executions that are ${status}.`);
    passes.set(status, carryOut(status));
  }

  async function carryOut(status: PendingStatus): Promise<void> {
    await signalIfOpen(getExternalWorkflowHandle(jobWorkflowId(jobId)), stopJob, 'CANCELED');
    await paging.cancelExecutions({ jobId, status });
  }
}
