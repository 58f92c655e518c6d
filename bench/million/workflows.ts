/** Muster's own `job` on batches that have nothing to do: what is left is what one job asks of one workflow. */
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import type { Batch } from '../../workflows/launch';
import { batchFinished, batchLaunched, jobWorkflowId } from '../../workflows/messages';

export { job } from '../../workflows/job';

export async function batch({ jobId, first }: Batch): Promise<void> {
  const job = getExternalWorkflowHandle(jobWorkflowId(jobId));
  await job.signal(batchLaunched, { first });
  await job.signal(batchFinished, { first });
}
