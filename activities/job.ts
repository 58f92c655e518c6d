/** Making, launching, canceling and completing a job. */
import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { queuedExecution, type TimeoutConfig } from '../src/domain/execution';
import type { Cause, Launch, NewJobRequest } from '../src/domain/job';
import { PAGE_SIZE, SECOND } from '../src/domain/limits';
import type { ExecutionStatus } from '../src/domain/statuses';
import type { Notifier } from '../src/devices/notifier';
import type { Db } from '../src/store/database';
import { countIn, executionPage } from '../src/store/executions';
import { cancelUnlaunched, queueExecutions, type QueuedPage } from '../src/store/transitions';
import {
  cancelCause,
  cancelJob,
  completeJob,
  createJob,
  findJobState,
  UnknownTargets,
  type CreatedJob,
} from '../src/store/jobs';
import { readTargets } from '../src/store/targets';
import { reached } from '../src/temporal/open-workflows';
import { cancelExecution, executionWorkflowId, type CancelJobRequest } from '../workflows/messages';
import type { ExecutionMetrics } from './execution';
import { refused } from './refused';

export interface JobDeps {
  db: Db;
  client: Client;
  notifier: Notifier;
  metrics: Pick<ExecutionMetrics, 'transition'>;
}

/** Executions asked at once: enough to keep Temporal busy, few enough to leave room for the devices' reports. */
const ASKED_AT_ONCE = 32;
/** What has not done as it was asked by then is not waited for. */
const DONE_WITHIN = 10 * SECOND;
const LOOK_EVERY = 50;

export function jobActivities({ db, client, notifier, metrics }: JobDeps) {
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

    async readTargets({
      jobId,
      from,
      count,
    }: {
      jobId: string;
      from: number;
      count: number;
    }): Promise<string[]> {
      return readTargets(db, jobId, from, count);
    },

    /** Writes a page's rows in one transaction and tells its things. */
    async queueExecutions(page: {
      jobId: string;
      shard: number;
      launches: Launch[];
      timeouts: TimeoutConfig;
      queuedAt: number;
      cause: Cause;
      retarget: boolean;
    }): Promise<QueuedPage> {
      const state = queuedExecution(1, page.queuedAt, page.timeouts);
      const result = await queueExecutions(db, { ...page, state });
      if (!result.queued) return result;
      metrics.transition('QUEUED', page.launches.length);
      const thingNames = page.launches.map(({ thingName }) => thingName);
      await notifier.announce(thingNames, page.jobId);
      return result;
    },

    async cancelJob({ jobId, ...request }: CancelJobRequest & { jobId: string }): Promise<boolean> {
      const dispatch = request.force ? 'NONE' : 'STARTED';
      const canceled = await cancelJob(db, jobId, { ...request, dispatch }, Date.now());
      // A retry finds the job canceled by its own first try: the workflow asks once only.
      return canceled || (await findJobState(db, jobId))?.status === 'CANCELED';
    },

    async completeJob({ jobId }: { jobId: string }): Promise<void> {
      await completeJob(db, jobId, Date.now());
    },

    /** Signals every execution that a canceled job must stop. A retry goes on from the last page. */
    async cancelExecutions({ jobId }: { jobId: string }): Promise<void> {
      const job = await findJobState(db, jobId);
      if (!job) return;
      const request = { ...cancelCause(job), force: job.dispatch === 'NONE' };
      const statuses: ExecutionStatus[] = request.force ? ['QUEUED', 'IN_PROGRESS'] : ['QUEUED'];
      for (const status of statuses) {
        await eachExecution(db, jobId, status, (thingName) =>
          reached(() =>
            client.workflow.getHandle(executionWorkflowId(jobId, thingName)).signal(cancelExecution, request),
          ),
        );
      }
    },

    async cancelUnlaunched({ jobId }: { jobId: string }): Promise<void> {
      const job = await findJobState(db, jobId);
      if (!job) return;
      let recorded: number;
      do {
        recorded = await cancelUnlaunched(db, jobId, cancelCause(job), Date.now(), PAGE_SIZE);
        metrics.transition('CANCELED', recorded);
        heartbeat();
      } while (recorded > 0);
    },
  };
}

/**
 * Asks every execution of a job that has the status to leave it, a page at a time. The next page is asked when this one
 * has left: signals are taken much faster than workflows deal with them, and what a device reports meanwhile would wait
 * behind all of them. The cursor is the heartbeat, so that a retry of the activity does not begin anew.
 * @param ask resolves with whether the execution is going to do so
 */
export async function eachExecution(
  db: Db,
  jobId: string,
  status: ExecutionStatus,
  ask: (thingName: string) => Promise<boolean>,
): Promise<void> {
  const resumed = activityInfo().heartbeatDetails as { status: ExecutionStatus; after: string } | undefined;
  let after = resumed?.status === status ? resumed.after : '';
  for (;;) {
    const page = await executionPage(db, jobId, status, after, ASKED_AT_ONCE);
    const last = page.at(-1);
    if (last === undefined) return;
    const going = await Promise.all(page.map(ask));
    await untilGone(
      db,
      jobId,
      status,
      page.filter((_, i) => going[i]),
    );
    after = last;
    heartbeat({ status, after });
  }
}

async function untilGone(
  db: Db,
  jobId: string,
  status: ExecutionStatus,
  thingNames: string[],
): Promise<void> {
  const deadline = Date.now() + DONE_WITHIN;
  while (Date.now() < deadline && (await countIn(db, jobId, status, thingNames)) > 0) await sleep(LOOK_EVERY);
}
