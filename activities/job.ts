/** Making, launching, canceling and completing a job. */
import { activityInfo } from '@temporalio/activity';
import { queuedExecution, type TimeoutConfig } from '../src/domain/execution';
import type { Cause, Launch, NewJobRequest } from '../src/domain/job';
import type { JobStatus, PendingStatus } from '../src/domain/statuses';
import {
  cancelCause,
  cancelJob,
  completeJob,
  createJob,
  findJobState,
  UnknownTargets,
  type CreatedJob,
  type JobState,
} from '../src/store/jobs';
import { readTargets } from '../src/store/targets';
import { queueExecutions, type QueuedPortion } from '../src/store/transitions';
import type { CancelJobRequest } from '../workflows/messages';
import { askAll, type AskDeps } from './asking';
import type { ExecutionMetrics } from './execution';
import { refused } from './refused';

export interface JobDeps extends AskDeps {
  metrics: Pick<ExecutionMetrics, 'transition'>;
}

export function jobActivities(deps: JobDeps) {
  const { db, notifier, metrics } = deps;
  return {
    async createJob(request: NewJobRequest): Promise<CreatedJob> {
      try {
        return await createJob(db, request, Date.now());
      } catch (error) {
        if (!(error instanceof UnknownTargets)) throw error;
        const { thingNames, thingGroupNames } = error;
        throw refused(error.message, 'UnknownTarget', { thingNames, thingGroupNames });
      }
    },

    async readTargets(stretch: { jobId: string; first: number; end: number }): Promise<Launch[]> {
      return readTargets(db, stretch);
    },

    /** Writes the rows of some executions in one transaction and tells their things. */
    async queueExecutions(portion: {
      jobId: string;
      shard: number;
      launches: Launch[];
      timeouts: TimeoutConfig;
      queuedAt: number;
      cause: Cause;
    }): Promise<QueuedPortion> {
      const state = queuedExecution(1, portion.queuedAt, portion.timeouts);
      const result = await queueExecutions(db, { ...portion, state });
      if (!result.jobGoesOn) return result;
      const discarded = new Set(result.discarded);
      const thingNames = portion.launches
        .map(({ thingName }) => thingName)
        .filter((thingName) => !discarded.has(thingName));
      metrics.transition('QUEUED', thingNames.length);
      await notifier.announce(thingNames, portion.jobId);
      return result;
    },

    async cancelJob({ jobId, ...request }: CancelJobRequest & { jobId: string }): Promise<void> {
      const dispatch = request.force ? 'NONE' : 'STARTED';
      if (await cancelJob(db, jobId, { ...request, dispatch }, Date.now())) return;
      const job = await findJobState(db, jobId);
      if (!job) throw refused(`There is no job ${jobId}.`, 'JobNotFound');
      // A retry finds what its first try has done.
      const isOwn = activityInfo().attempt > 1 && job.status === 'CANCELED' && job.canceledBy === request.by;
      if (!isOwn || job.dispatch !== dispatch) throw refused(notActive(job), 'JobNotActive');
    },

    /** @returns the status in which the job is then */
    async completeJob({ jobId }: { jobId: string }): Promise<JobStatus> {
      return (await completeJob(db, jobId, Date.now())) ?? 'DELETION_IN_PROGRESS';
    },

    /** Asks every execution in the status of a canceled job to stop. A retry goes on from the last page. */
    async cancelExecutions({ jobId, status }: { jobId: string; status: PendingStatus }): Promise<void> {
      const job = await findJobState(db, jobId);
      if (!job) return;
      const force = status === 'IN_PROGRESS';
      await askAll(deps, { jobId, status }, { kind: 'cancel', force }, cancelCause(job));
    },
  };
}

/** Why a job can't be canceled, and what could be done instead. */
function notActive({ status, dispatch }: JobState): string {
  if (status !== 'CANCELED') return `The job is ${status}: only a job that is IN_PROGRESS can be canceled.`;
  return dispatch === 'STARTED'
    ? 'The job is CANCELED already. If devices are still at work on it, force=true stops them, too.'
    : 'The job is CANCELED already, and nothing of it is left to stop.';
}
