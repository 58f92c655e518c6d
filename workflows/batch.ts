/** A page of executions between a large job and its things. The job decides when; a batch only carries out. */
import { getExternalWorkflowHandle, log } from '@temporalio/workflow';
import type { TimeoutConfig } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import { PAGE_SIZE } from '../src/domain/limits';
import { remote } from './activity-types';
import { awaitPage, launchPage } from './launch';
import { batchFinished, batchLaunched, jobWorkflowId } from './messages';

export interface BatchInput {
  jobId: string;
  /** The page's number, from 0. */
  n: number;
  timeouts: TimeoutConfig;
  cause: Cause;
}

export async function batch({ jobId, n, timeouts, cause }: BatchInput): Promise<void> {
  const thingNames = await remote.readTargets({ jobId, from: n * PAGE_SIZE, count: PAGE_SIZE });
  const launches = thingNames.map((thingName) => ({ thingName, executionNumber: 1 }));
  const handles = await launchPage({ jobId, shard: n, launches, timeouts, cause, retarget: false });
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
