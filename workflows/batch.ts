/** Some of a large job's targets, launched together. The job decides when; a batch only carries out. */
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { awaitExecutions, launchBatch, type Batch } from './launch';
import { batchFinished, batchLaunched, jobWorkflowId } from './messages';
import { signalIfOpen } from './signal-if-open';

export async function batch(input: Batch): Promise<void> {
  const { jobId, first } = input;
  // By id and never by run: the job may have continued as new.
  const job = getExternalWorkflowHandle(jobWorkflowId(jobId));
  const { executions, queueEnd } = await launchBatch(input);
  await signalIfOpen(job, batchLaunched, { first, queueEnd });
  await awaitExecutions(jobId, executions);
  await signalIfOpen(job, batchFinished, { first });
}
