/** Removes a job and all its records: first what devices still have pending, then page by page the rest. */
import {
  allHandlersFinished,
  type ApplicationFailure,
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { paging, remote } from './activity-types';
import { deletionBegun, jobWorkflowId, stopJob, type DeletionRequest } from './messages';
import { refusalIn } from './refusal';
import { signalIfOpen } from './signal-if-open';

export async function deletion(request: DeletionRequest): Promise<void> {
  const { jobId, by } = request;
  let begun = false;
  let failure: ApplicationFailure | undefined;
  setHandler(deletionBegun, async () => {
    await condition(() => begun || failure !== undefined);
    if (failure) throw failure;
  });

  try {
    await remote.markJobDeleted(request);
    begun = true;
  } catch (error) {
    failure = refusalIn(error);
    return condition(allHandlersFinished);
  }

  setCurrentDetails('Stopping the job and removing executions that are still pending.');
  await signalIfOpen(getExternalWorkflowHandle(jobWorkflowId(jobId)), stopJob);
  while ((await paging.removeExecutions({ jobId, by })) > 0) await sleep('5s');
  setCurrentDetails('Deleting the execution records.');
  await paging.deleteRecords({ jobId });
  await condition(allHandlersFinished);
}
