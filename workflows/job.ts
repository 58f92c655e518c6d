/**
 * A job: launches its queue of targets, batch by batch. A SNAPSHOT job has all of them from the start, and completes when
 * all their executions are terminal. A CONTINUOUS job also appends things that join its groups, and never completes.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { TimeoutConfig } from '../src/domain/execution';
import type { NewJobRequest } from '../src/domain/job';
import { BATCH_SIZE, LAUNCHED_AT_ONCE, MINUTE } from '../src/domain/limits';
import type { JobStatus, JobType } from '../src/domain/statuses';
import { paging, steps } from './activity-types';
import type { batch } from './batch';
import { awaitExecutions, launchBatch, type Batch } from './launch';
import { batchFinished, batchLaunched, batchWorkflowId, jobCreated, pokeJob, stopJob } from './messages';
import { refusalIn } from './refusal';

/** While one batch is being started, the devices of the batch before it are already at work. */
const BATCHES_LAUNCHING = 2;
/** How often a job reads the membership log without being poked: that is what a lost poke costs. */
const LOOK_INTERVAL = 5 * MINUTE;

/** The first run gets the request, the runs after it get the plan as it stands. */
export type JobInput = ({ request: NewJobRequest } | { plan: JobPlan }) & {
  /** Batches, executions launched without one, and looks taken before the job continues as new; a test lowers it. */
  stepsPerRun?: number;
};

/** What a job carries from one run to the next. */
export interface JobPlan {
  jobId: string;
  jobType: JobType;
  createdBy: string;
  timeouts: TimeoutConfig;
  queue: {
    /** Position of the first target that no batch has yet. */
    next: number;
    /** Below it are all positions that have been given out. */
    end: number;
  };
  /** First positions of batches that are being launched, and of those that are not finished. */
  launching: number[];
  open: number[];
  /** The membership log is to be read: at its start, a job does not know what it has missed. */
  poked: boolean;
}

export async function job(input: JobInput): Promise<void> {
  const { stepsPerRun = 500 } = input;
  const run = new JobRun(await planOf(input));
  while (!run.stopped && !run.finished && !run.isLong(stepsPerRun)) await run.step();
  await run.settle();

  if (run.stopped) return close(run.stopped);
  if (!run.finished) return continueAsNew<typeof job>({ plan: run.carryOver(), stepsPerRun });
  await close(await steps.completeJob({ jobId: run.plan.jobId }));
}

/** The same under a name of its own, so that the Temporal UI tells them apart. */
export const continuousJob = job;

/**
 * Makes the job, in its first run. `POST /jobs` waits for that.
 * @throws ApplicationFailure `UnknownTarget` where a target is gone by now: the workflow fails, there is no job
 */
async function planOf(input: JobInput): Promise<JobPlan> {
  let plan = 'plan' in input ? input.plan : undefined;
  let failure: ApplicationFailure | undefined;
  setHandler(jobCreated, async () => {
    await condition(() => plan !== undefined || failure !== undefined);
    if (failure) throw failure;
  });
  if ('plan' in input) return input.plan;

  try {
    const { jobId, jobType, createdBy, timeoutConfig: timeouts } = input.request;
    const { queueEnd } = await steps.createJob(input.request);
    const queue = { next: 0, end: queueEnd };
    plan = { jobId, jobType, createdBy, timeouts, queue, launching: [], open: [], poked: true };
    return plan;
  } catch (error) {
    failure = refusalIn(error);
    await condition(allHandlersFinished);
    throw failure;
  }
}

async function close(status: JobStatus): Promise<void> {
  upsertSearchAttributes({ JobStatus: [status] });
  setCurrentDetails(`**${status}**`);
  await condition(allHandlersFinished);
}

class JobRun {
  /** Set by a cancellation or a deletion: nothing more is launched. */
  stopped?: JobStatus;
  private readonly launching: Set<number>;
  private readonly open: Set<number>;
  /** Batches that this very run launches and awaits. */
  private readonly own = { launching: new Set<number>(), open: new Set<number>() };
  private poked: boolean;
  private steps = 0;

  /** Signals that came between two runs are dealt with the moment a handler is set. */
  constructor(readonly plan: JobPlan) {
    this.launching = new Set(plan.launching);
    this.open = new Set(plan.open);
    this.poked = plan.poked;
    setHandler(stopJob, (status) => void (this.stopped = status));
    setHandler(pokeJob, () => void (this.poked = true));
    setHandler(batchLaunched, ({ first, queueEnd }) => this.noteLaunched(first, queueEnd));
    setHandler(batchFinished, ({ first }) => this.noteFinished(first));
  }

  /** Every target is launched, and every execution of theirs is terminal. */
  get finished(): boolean {
    const { queue } = this.plan;
    return !this.follows && queue.next >= queue.end && this.launching.size === 0 && this.open.size === 0;
  }

  /** A run that awaits executions of its own sees them through; the next run would not hear of them. */
  isLong(stepsPerRun: number): boolean {
    const isLong = this.steps >= stepsPerRun || workflowInfo().continueAsNewSuggested;
    return isLong && (this.follows || this.own.open.size === 0);
  }

  async step(): Promise<void> {
    this.describe();
    if (this.mustFollow) return this.followMembership();
    if (this.mayLaunch) return this.launchNext();
    const hasWork = () => this.stopped || this.finished || this.mustFollow || this.mayLaunch;
    if (!this.follows) return condition(() => Boolean(hasWork()));
    if (!(await condition(() => Boolean(hasWork()), LOOK_INTERVAL))) this.poked = true;
  }

  /** What may come meanwhile, a cancellation above all, is looked at after this and never before. */
  async settle(): Promise<void> {
    await condition(() => this.own.launching.size === 0 && allHandlersFinished());
  }

  carryOver(): JobPlan {
    // Nobody waits for the executions of a CONTINUOUS job that an earlier run has launched.
    const open = [...this.open].filter((first) => !this.own.open.has(first));
    return { ...this.plan, launching: [...this.launching], open, poked: this.poked };
  }

  private get follows(): boolean {
    return this.plan.jobType === 'CONTINUOUS';
  }

  private get mustFollow(): boolean {
    return this.follows && this.poked;
  }

  /** One that this run launches itself is launched alone: no two local activities may go on side by side. */
  private get mayLaunch(): boolean {
    const { queue } = this.plan;
    const isFree = this.own.launching.size === 0 && this.launching.size < BATCHES_LAUNCHING;
    return queue.next < queue.end && isFree;
  }

  private async followMembership(): Promise<void> {
    this.poked = false;
    const { queueEnd, more } = await paging.followMembership({ jobId: this.plan.jobId });
    this.plan.queue.end = Math.max(this.plan.queue.end, queueEnd);
    this.steps++;
    if (more) this.poked = true;
  }

  private async launchNext(): Promise<void> {
    const { jobId, timeouts, createdBy, queue } = this.plan;
    const first = queue.next;
    const end = Math.min(first + BATCH_SIZE, queue.end);
    const batch = { jobId, first, end, timeouts, cause: { by: createdBy } };
    queue.next = end;
    this.launching.add(first);
    this.open.add(first);
    if (this.isSmall(batch)) return this.launchHere(batch);
    this.steps++;
    await startBatch(batch);
  }

  /** A job of one batch needs no other workflow for it, nor do the few that join a group now and then. */
  private isSmall({ first, end }: Batch): boolean {
    const isWhole = first === 0 && end === this.plan.queue.end;
    return isWhole || (this.follows && end - first <= LAUNCHED_AT_ONCE);
  }

  private launchHere(batch: Batch): void {
    const { first, end, jobId } = batch;
    this.steps += end - first;
    this.own.launching.add(first);
    this.own.open.add(first);
    const seeThrough = async () => {
      const { executions, queueEnd } = await launchBatch(batch);
      this.own.launching.delete(first);
      this.noteLaunched(first, queueEnd);
      await awaitExecutions(jobId, executions);
      this.own.open.delete(first);
      this.noteFinished(first);
    };
    void seeThrough();
  }

  private noteLaunched(first: number, queueEnd = 0): void {
    this.launching.delete(first);
    this.plan.queue.end = Math.max(this.plan.queue.end, queueEnd);
  }

  private noteFinished(first: number): void {
    this.launching.delete(first);
    this.open.delete(first);
  }

  private describe(): void {
    const { queue } = this.plan;
    const waits =
      this.follows && queue.next >= queue.end ? '\n\nWatching its groups for things that join or leave.' : '';
    setCurrentDetails(
      `**IN_PROGRESS**: launched or launching ${queue.next} of ${queue.end} targets in its queue; ${this.open.size} batches have executions that are not terminal yet.${waits}`,
    );
  }
}

async function startBatch(input: Batch): Promise<void> {
  const { jobId, first, end } = input;
  await startChild<typeof batch>('batch', {
    workflowId: batchWorkflowId(jobId, first),
    taskQueue: workflowInfo().taskQueue,
    args: [input],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    searchAttributes: { JobId: [jobId] },
    staticSummary: `Targets ${first + 1} to ${end}`,
  });
}
