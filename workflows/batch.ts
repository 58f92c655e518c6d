/** A page of executions between a large job and its things. The job decides when; a batch only carries out. */
import { getExternalWorkflowHandle, log } from '@temporalio/workflow';
import type { TimeoutConfig } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import { awaitPage, launchTargetPage } from './launch';
import { batchFinished, batchLaunched, jobWorkflowId } from './messages';

export interface BatchInput {
  jobId: string;
  /** The page's number, from 0. */
  n: number;
  timeouts: TimeoutConfig;
  cause: Cause;
}

export async function batch({ jobId, n, timeouts, cause }: BatchInput): Promise<void> {
  const handles = await launchTargetPage(n, { jobId, timeouts, cause });
  await tellJob(() => job().signal(batchLaunched, { n }));
  const counts = await awaitPage(handles);
  await tellJob(() => job().signal(batchFinished, { n, counts }));

  /** By id and never by run: the job may have continued as new. */
  function job() {
    return getExternalWorkflowHandle(jobWorkflowId(jobId));
  }
}

/** A job that was canceled or deleted has closed and need not hear it. */
async function tellJob(signal: () => Promise<void>): Promise<void> {
  try {
    await signal();
  } catch (error) {
    log.debug('The job has closed.', { error });
  }
}
