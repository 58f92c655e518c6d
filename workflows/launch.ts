/** Launching a batch of executions and seeing it through: the same code in a job and in a batch of its own. */
import {
  ParentClosePolicy,
  startChild,
  sleep,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Cause, Launch } from '../src/domain/job';
import type { TimeoutConfig } from '../src/domain/execution';
import { LAUNCHED_AT_ONCE, SECOND } from '../src/domain/limits';
import { remote, steps } from './activity-types';
import type { execution } from './execution';
import { discardExecution, executionWorkflowId, removeExecution } from './messages';
import { signalIfOpen } from './signal-if-open';

/** A stretch of a job's queue that is launched together. */
export interface Batch {
  jobId: string;
  /** Positions in the queue, from `first` to below `end`. In a CONTINUOUS job some of them may be empty. */
  first: number;
  end: number;
  timeouts: TimeoutConfig;
  cause: Cause;
}

export interface Execution {
  thingName: string;
  handle: ChildWorkflowHandle<typeof execution>;
}

export interface LaunchedBatch {
  executions: Execution[];
  /** The queue is so long now: targets were put back that could not be launched yet. */
  queueEnd?: number;
}

/** A former attempt of a thing that joins again is just about to close: some 16 seconds, at pauses that double. */
const ROUNDS = 7;
const FIRST_PAUSE = SECOND / 4;

/**
 * Launches what of the batch still waits in the queue. A thing whose former attempt still runs is looked at again when the
 * others are launched, and put back into the queue in the end; one that another batch has launched meanwhile waits no more.
 */
export async function launchBatch(batch: Batch): Promise<LaunchedBatch> {
  const executions: Execution[] = [];
  for (let round = 1; ; round++) {
    const launches = await steps.readTargets(batch);
    const { jobGoesOn, busy } = await launchAll(batch, launches, executions);
    if (!jobGoesOn || busy.length === 0) return { executions };
    if (round === ROUNDS) {
      const queueEnd = await remote.putBackTargets({ jobId: batch.jobId, thingNames: busy });
      return { executions, queueEnd };
    }
    await sleep(FIRST_PAUSE * 2 ** (round - 1), {
      summary: `until former attempts of ${busy.length} things close`,
    });
  }
}

/**
 * Starts a workflow per thing, then makes the executions visible to the devices: none can ever see an execution
 * that has no workflow to signal. While one portion is made visible the next one starts, and devices of the first
 * are at work before the last is there. Which of them become visible is settled by the store, in the transaction that
 * does it; a workflow whose target is one no longer closes without a trace.
 * @param executions gets those that were started
 * @returns whether the job goes on, and the things whose former attempt still runs
 */
async function launchAll(
  batch: Batch,
  launches: Launch[],
  executions: Execution[],
): Promise<{ jobGoesOn: boolean; busy: string[] }> {
  const busy: string[] = [];
  let visible = Promise.resolve(true);
  for (const portion of portionsOf(launches)) {
    const queuedAt = Date.now();
    const started = await Promise.all(portion.map((launch) => startExecution(batch, launch, queuedAt)));
    const ready = started.filter((execution) => execution !== undefined);
    executions.push(...ready);
    busy.push(...portion.filter((_, i) => !started[i]).map(({ thingName }) => thingName));
    const jobGoesOn = await visible;
    // Also where it does not: those that were started are told so.
    visible = makeVisible(
      batch,
      portion.filter((_, i) => started[i]),
      queuedAt,
      ready,
    );
    if (!jobGoesOn) break;
  }
  return { jobGoesOn: await visible, busy };
}

function portionsOf(launches: Launch[]): Launch[][] {
  return Array.from({ length: Math.ceil(launches.length / LAUNCHED_AT_ONCE) }, (_, i) =>
    launches.slice(i * LAUNCHED_AT_ONCE, (i + 1) * LAUNCHED_AT_ONCE),
  );
}

/** @returns whether the job goes on */
async function makeVisible(
  { jobId, first, timeouts, cause }: Batch,
  launches: Launch[],
  queuedAt: number,
  started: Execution[],
): Promise<boolean> {
  if (launches.length === 0) return true;
  const shard = Math.floor(first / LAUNCHED_AT_ONCE);
  const queued = await remote.queueExecutions({ jobId, shard, launches, timeouts, queuedAt, cause });
  const of = (names: string[]) => started.filter(({ thingName }) => names.includes(thingName));
  await Promise.all([
    ...of(queued.discarded).map(({ handle }) => signalIfOpen(handle, discardExecution)),
    ...of(queued.gone).map(({ handle }) =>
      signalIfOpen(handle, removeExecution, { by: 'muster', reason: 'The thing was deleted.' }),
    ),
  ]);
  return queued.jobGoesOn;
}

/** Resolves when every execution of a batch is terminal. */
export async function awaitExecutions(jobId: string, executions: Execution[]): Promise<void> {
  await Promise.all(
    executions.map(async ({ thingName, handle }) => {
      try {
        await handle.result();
      } catch {
        // It was ended in Temporal by hand. Nobody else would ever end what is in the store.
        await remote.endExecutions({ executions: [{ jobId, thingName }], by: 'muster' });
      }
    }),
  );
}

/** @returns undefined where a former attempt of the thing still runs */
async function startExecution(
  { jobId, timeouts }: Batch,
  launch: Launch,
  queuedAt: number,
): Promise<Execution | undefined> {
  const { thingName } = launch;
  try {
    const handle = await startChild<typeof execution>('execution', {
      workflowId: executionWorkflowId(jobId, thingName),
      taskQueue: workflowInfo().taskQueue,
      args: [{ jobId, ...launch, queuedAt, timeouts }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      searchAttributes: { JobId: [jobId], ThingName: [thingName], JobExecutionStatus: ['QUEUED'] },
      staticSummary: thingName,
    });
    return { thingName, handle };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}
