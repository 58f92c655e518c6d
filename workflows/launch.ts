/** Launching a page of executions and seeing it through: the same code in a small job, a batch and a continuous job. */
import {
  ParentClosePolicy,
  startChild,
  sleep,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Cause, Launch } from '../src/domain/job';
import { noExecutions, type ExecutionCounts } from '../src/domain/statuses';
import type { TimeoutConfig } from '../src/domain/execution';
import { LAUNCHED_AT_ONCE, PAGE_SIZE } from '../src/domain/limits';
import { remote, steps } from './activity-types';
import type { execution } from './execution';
import { discardExecution, executionWorkflowId, removeExecution } from './messages';
import { isAfter010 } from './releases';
import { signalIfOpen } from './signal-if-open';

type ExecutionHandle = ChildWorkflowHandle<typeof execution>;

export interface Page {
  jobId: string;
  /** Spreads the counts of a job over rows. */
  shard: number;
  launches: Launch[];
  timeouts: TimeoutConfig;
  cause: Cause;
  /** Of a CONTINUOUS job: who is launched becomes one of its targets. */
  retarget: boolean;
}

/**
 * Starts a workflow per thing, then makes the executions visible to the devices: none can ever see an execution
 * that has no workflow to signal. While one portion is made visible the next one starts, and devices of the first
 * are at work before the last is there. Where the job was canceled meanwhile, what is not visible closes without a
 * trace, and the rest is not started.
 */
export async function launchPage(page: Page): Promise<ExecutionHandle[]> {
  const handles: ExecutionHandle[] = [];
  let visible = Promise.resolve(true);
  for (const launches of portionsOf(page.launches)) {
    const queuedAt = Date.now();
    const started = await Promise.all(launches.map((launch) => startExecution(page, launch, queuedAt)));
    handles.push(...started);
    const jobGoesOn = await visible;
    visible = makeVisible({ ...page, launches }, queuedAt, started);
    if (!jobGoesOn) break;
  }
  await visible;
  return handles;
}

function portionsOf(launches: Launch[]): Launch[][] {
  if (launches.length <= LAUNCHED_AT_ONCE || !isAfter010()) return [launches];
  return Array.from({ length: Math.ceil(launches.length / LAUNCHED_AT_ONCE) }, (_, i) =>
    launches.slice(i * LAUNCHED_AT_ONCE, (i + 1) * LAUNCHED_AT_ONCE),
  );
}

/** @returns whether the job goes on */
async function makeVisible(page: Page, queuedAt: number, handles: ExecutionHandle[]): Promise<boolean> {
  const { queued, gone } = await remote.queueExecutions({ ...page, queuedAt });
  if (!queued) await Promise.all(handles.map((handle) => signalIfOpen(handle, discardExecution)));
  const deleted = handles.filter((_, i) => gone.includes(page.launches[i]?.thingName ?? ''));
  await Promise.all(
    deleted.map((handle) =>
      signalIfOpen(handle, removeExecution, { by: 'muster', reason: 'The thing was deleted.' }),
    ),
  );
  return queued;
}

/** Launches the job's targets number `n * PAGE_SIZE` and following, one page of them. */
export async function launchTargetPage(
  n: number,
  { jobId, timeouts, cause }: Pick<Page, 'jobId' | 'timeouts' | 'cause'>,
): Promise<ExecutionHandle[]> {
  const thingNames = await steps().readTargets({ jobId, from: n * PAGE_SIZE, count: PAGE_SIZE });
  const launches = thingNames.map((thingName) => ({ thingName, executionNumber: 1 }));
  return launchPage({ jobId, shard: n, launches, timeouts, cause, retarget: false });
}

/** Resolves when every execution of a page is terminal. @returns how they ended */
export async function awaitPage(handles: ExecutionHandle[]): Promise<ExecutionCounts> {
  const counts = noExecutions();
  await Promise.all(
    handles.map(async (handle) => {
      const outcome = await outcomeOf(handle);
      if (outcome) counts[outcome.status]++;
    }),
  );
  return counts;
}

/** An execution that was ended from outside has no outcome; that must not hold up its page. */
async function outcomeOf(handle: ExecutionHandle): Promise<Awaited<ReturnType<typeof execution>>> {
  try {
    return await handle.result();
  } catch {
    return undefined;
  }
}

async function startExecution(page: Page, launch: Launch, queuedAt: number): Promise<ExecutionHandle> {
  const { jobId, timeouts } = page;
  for (;;) {
    try {
      return await startChild<typeof execution>('execution', {
        workflowId: executionWorkflowId(jobId, launch.thingName),
        taskQueue: workflowInfo().taskQueue,
        args: [{ jobId, ...launch, queuedAt, timeouts }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        searchAttributes: { JobId: [jobId], ThingName: [launch.thingName], JobExecutionStatus: ['QUEUED'] },
        staticSummary: launch.thingName,
      });
    } catch (error) {
      // The former attempt of a thing that joins again is just about to close.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await sleep('500ms');
    }
  }
}
