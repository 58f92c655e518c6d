/** What `job` and `continuousJob` share: being created, launching the first targets page by page, being ended. */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { TimeoutConfig } from '../src/domain/execution';
import type { NewJobRequest } from '../src/domain/job';
import { PAGE_SIZE } from '../src/domain/limits';
import type { JobStatus } from '../src/domain/statuses';
import { paging, remote, steps } from './activity-types';
import type { batch } from './batch';
import { awaitPage, launchTargetPage } from './launch';
import {
  batchFinished,
  batchLaunched,
  batchWorkflowId,
  cancelJob,
  jobCreated,
  stopJob,
  type CancelJobRequest,
} from './messages';
import { refusalIn } from './refusal';

/** While one page is being started, the devices of the page before it are already at work. */
const PAGES_LAUNCHING = 2;

/** Of the first run: the request. Of the runs after it: the plan as it stands. */
export type JobStart = { request: NewJobRequest } | { plan: JobPlan };

/** What a job carries from one run to the next. */
export interface JobPlan {
  jobId: string;
  createdBy: string;
  timeouts: TimeoutConfig;
  /** Things to launch at first, cut into pages by their position. */
  thingCount: number;
  /** Pages launched, or being launched. */
  nextPage: number;
  launching: number[];
  open: number[];
  /** Position in the membership log, of a CONTINUOUS job. */
  cursor: number;
}

export class JobControl {
  /** Set by a cancellation or a deletion: nothing more is launched. */
  private ended?: { status: JobStatus; request?: CancelJobRequest };
  private canceling = false;
  private failure?: ApplicationFailure;
  private readonly launching = new Set<number>();
  private readonly open = new Set<number>();
  private plan?: JobPlan;

  constructor(private readonly start: JobStart) {
    // Before the handlers: signals that came between two runs are dealt with the moment a handler is set.
    if ('plan' in start) this.plan = this.resume(start.plan);
    setHandler(jobCreated, async () => {
      await condition(() => this.plan !== undefined || this.failure !== undefined);
      if (this.failure) throw this.failure;
    });
    setHandler(cancelJob, async (request) => {
      await condition(() => this.plan !== undefined || this.failure !== undefined);
      const canceled = !this.canceling && !this.ended && (await this.cancel(request));
      if (!canceled) throw ApplicationFailure.nonRetryable('The job is not IN_PROGRESS.', 'JobNotActive');
      this.ended ??= { status: 'CANCELED', request };
    });
    setHandler(stopJob, () => void (this.ended ??= { status: 'DELETION_IN_PROGRESS' }));
    setHandler(batchLaunched, ({ n }) => void this.launching.delete(n));
    setHandler(batchFinished, ({ n }) => {
      this.launching.delete(n);
      this.open.delete(n);
    });
  }

  get ending(): boolean {
    return this.ended !== undefined;
  }

  /** Every target is launched, and every execution of theirs is terminal. */
  allFinished(plan: JobPlan): boolean {
    return plan.nextPage >= pagesOf(plan) && this.open.size === 0;
  }

  /** No page is just being started. */
  get launched(): boolean {
    return this.launching.size === 0;
  }

  /** Asked for once only, so that a retry of the activity may take a CANCELED job for its own work. */
  private async cancel(request: CancelJobRequest): Promise<boolean> {
    this.canceling = true;
    return this.plan !== undefined && remote.cancelJob({ jobId: this.plan.jobId, ...request });
  }

  /** The plan to follow, of a new job or a continued one. */
  async begin(): Promise<JobPlan> {
    return 'plan' in this.start ? this.start.plan : this.create(this.start.request);
  }

  private resume(plan: JobPlan): JobPlan {
    plan.launching.forEach((n) => this.launching.add(n));
    plan.open.forEach((n) => this.open.add(n));
    return plan;
  }

  /** @throws ApplicationFailure `UnknownTarget` where a target is gone by now: the workflow fails, there is no job */
  private async create(request: NewJobRequest): Promise<JobPlan> {
    try {
      const { thingCount, cursor } = await steps().createJob(request);
      const { jobId, createdBy, timeoutConfig: timeouts } = request;
      this.plan = { jobId, createdBy, timeouts, thingCount, nextPage: 0, launching: [], open: [], cursor };
      return this.plan;
    } catch (error) {
      this.failure = refusalIn(error);
      await condition(allHandlersFinished);
      throw this.failure;
    }
  }

  /** Launches the first targets until all are launched, the job ends or `pause` asks for a new run. */
  async launchTargets(plan: JobPlan, pause: () => boolean): Promise<void> {
    const pages = pagesOf(plan);
    while (plan.nextPage < pages && !this.ending && !pause()) {
      const n = plan.nextPage++;
      this.launching.add(n);
      this.open.add(n);
      this.describe(plan);
      if (pages === 1) this.launchDirectly(plan);
      else await startBatch(plan, n);
      await condition(() => this.ending || this.launching.size < PAGES_LAUNCHING);
    }
    this.describe(plan);
  }

  /** The state to continue as new with. */
  carryOver(plan: JobPlan): JobPlan {
    return { ...plan, launching: [...this.launching], open: [...this.open] };
  }

  /** After a cancellation or a deletion: stop what must stop, account for what never began, close. */
  async windDown(plan: JobPlan): Promise<void> {
    await condition(() => this.launched);
    const { status, request } = this.ended ?? {};
    if (request) {
      await paging.cancelExecutions({ jobId: plan.jobId });
      await paging.cancelUnlaunched({ jobId: plan.jobId });
    }
    await this.close(status ?? 'CANCELED');
  }

  async close(status: JobStatus): Promise<void> {
    upsertSearchAttributes({ JobStatus: [status] });
    setCurrentDetails(`**${status}**`);
    await condition(allHandlersFinished);
  }

  describe(plan: JobPlan, more = ''): void {
    const launched = Math.min(plan.nextPage * PAGE_SIZE, plan.thingCount);
    setCurrentDetails(
      `**IN_PROGRESS**: launched ${launched} of ${plan.thingCount} things; ${this.open.size} pages have executions that are not terminal yet.${more}`,
    );
  }

  /** A job of one page needs no batch: its executions are its own children. */
  private launchDirectly(plan: JobPlan): void {
    const run = async () => {
      const handles = await launchTargetPage(0, { ...plan, cause: { by: plan.createdBy } });
      this.launching.delete(0);
      await awaitPage(handles);
      this.open.delete(0);
    };
    void run();
  }
}

function pagesOf({ thingCount }: JobPlan): number {
  return Math.ceil(thingCount / PAGE_SIZE);
}

async function startBatch(plan: JobPlan, n: number): Promise<void> {
  const { jobId, timeouts, createdBy } = plan;
  await startChild<typeof batch>('batch', {
    workflowId: batchWorkflowId(jobId, n),
    taskQueue: workflowInfo().taskQueue,
    args: [{ jobId, n, timeouts, cause: { by: createdBy } }],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    searchAttributes: { JobId: [jobId] },
    staticSummary: `Things ${n * PAGE_SIZE + 1} to ${Math.min((n + 1) * PAGE_SIZE, plan.thingCount)} of ${plan.thingCount}`,
  });
}
