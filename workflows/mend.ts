/** Mending what was ended by hand in Temporal, asked of a worker, because executions are written there in any case. */
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { paging } from './activity-types';
import { batchFinished, jobWorkflowId } from './messages';

/** @returns how many were ended */
export async function mendExecutions(input: {
  executions: { jobId: string; thingName: string }[];
  /** As it stands in the transitions: `doctor`, or `muster` where it was noticed by itself. */
  by: string;
}): Promise<number> {
  return paging.endExecutions(input);
}

/** @returns whether the job was ended */
export async function mendJob({ jobId }: { jobId: string }): Promise<boolean> {
  const ended = await paging.endJob({ jobId });
  if (ended === 'CANCELED') await paging.cancelExecutions({ jobId, status: 'QUEUED' });
  return ended !== undefined;
}

/** The job no longer waits for a batch that was ended. */
export async function mendBatch({ jobId, first }: { jobId: string; first: number }): Promise<void> {
  await getExternalWorkflowHandle(jobWorkflowId(jobId)).signal(batchFinished, { first });
}
