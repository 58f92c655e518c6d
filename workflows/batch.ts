/** A page of executions between a large job and its things. The job decides when; a batch only carries out. */
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import type { TimeoutConfig } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import { awaitPage, launchTargetPage } from './launch';
import { batchFinished, batchLaunched, jobWorkflowId } from './messages';
import { signalIfOpen } from './signal-if-open';

export interface BatchInput {
  jobId: string;
  /** The page's number, from 0. */
  n: number;
  timeouts: TimeoutConfig;
  cause: Cause;
}

export async function batch({ jobId, n, timeouts, cause }: BatchInput): Promise<void> {
  // By id and never by run: the job may have continued as new.
  const job = getExternalWorkflowHandle(jobWorkflowId(jobId));
  const handles = await launchTargetPage(n, { jobId, timeouts, cause });
  await signalIfOpen(job, batchLaunched, { n });
  const counts = await awaitPage(handles);
  await signalIfOpen(job, batchFinished, { n, counts });
}
