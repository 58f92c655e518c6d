import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { isErrorCode, MusterError } from '../contract/errors';
import { isTerminal } from '../domain/statuses';
import type { Db } from '../store/database';
import { activeExecutionsOf, findExecution } from '../store/executions';
import { deleteExecution } from '../store/transitions';
import { findJobState, watchingJobs } from '../store/jobs';
import {
  cancelJob,
  cancellationWorkflowId,
  cancelOneExecution,
  deleteJob,
  deletionWorkflowId,
  executionWorkflowId,
  jobCreated,
  jobWorkflowId,
  pokeJob,
  removeOneExecution,
} from '../../workflows/messages';
import { mendExecution } from '../temporal/mend-execution';
import { reached } from '../temporal/open-workflows';
import type { JobCommands } from './job-commands';

/** Changes of membership that come together are one poke. */
const POKE_DELAY_MS = 50;

interface Deps {
  db: Db;
  client: Client;
  taskQueue: string;
  log: Logger;
}

export function createJobCommands({ db, client, taskQueue, log }: Deps): JobCommands {
  const { workflow } = client;
  const changedGroups = new Set<string>();
  let poking: NodeJS.Timeout | undefined;

  return {
    async create(request) {
      const { jobId, jobType, name } = request;
      const start = new WithStartWorkflowOperation(jobType === 'CONTINUOUS' ? 'continuousJob' : 'job', {
        workflowId: jobWorkflowId(jobId),
        taskQueue,
        args: [{ request }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        searchAttributes: { JobId: [jobId], JobStatus: ['IN_PROGRESS'] },
        staticSummary: name ?? `${jobType} job ${jobId}`,
      });
      await asMusterErrors(() =>
        workflow
          .executeUpdateWithStart(jobCreated, { startWorkflowOperation: start })
          .catch(async (error: unknown) => {
            if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
            // A repeat under the same Idempotency-Key, after the job has closed already.
            if (await findJobState(db, jobId)) return;
            throw new MusterError(
              'IdempotencyKeyReused',
              `The job that this Idempotency-Key made has been deleted; take a new key.`,
            );
          }),
      );
    },

    async cancel(jobId, request) {
      await requireJob(jobId);
      const start = new WithStartWorkflowOperation('cancellation', {
        workflowId: cancellationWorkflowId(jobId),
        taskQueue,
        args: [{ jobId }],
        // One that runs is told of this request, too: it may ask for more.
        workflowIdConflictPolicy: 'USE_EXISTING',
        searchAttributes: { JobId: [jobId] },
        staticSummary: `Cancellation of job ${jobId}`,
      });
      await asMusterErrors(() =>
        workflow.executeUpdateWithStart(cancelJob, { startWorkflowOperation: start, args: [request] }),
      );
    },

    async delete(jobId, request) {
      await requireJob(jobId);
      const start = new WithStartWorkflowOperation('deletion', {
        workflowId: deletionWorkflowId(jobId),
        taskQueue,
        args: [{ jobId }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        searchAttributes: { JobId: [jobId] },
        staticSummary: `Deletion of job ${jobId}`,
      });
      await asMusterErrors(() =>
        workflow.executeUpdateWithStart(deleteJob, { startWorkflowOperation: start, args: [request] }),
      );
    },

    async cancelExecution(jobId, thingName, request) {
      await existingExecution(jobId, thingName);
      const handle = workflow.getHandle(executionWorkflowId(jobId, thingName));
      const cancel = () => handle.executeUpdate(cancelOneExecution, { args: [request] });
      if (await reached(() => asMusterErrors(cancel))) return;
      const { status } = await existingExecution(jobId, thingName);
      if (isTerminal(status))
        throw new MusterError('InvalidStateTransition', `The execution is ${status}, which is terminal.`);
      await mendExecution({ client, taskQueue }, { jobId, thingName });
    },

    async deleteExecution(jobId, thingName, { by, force }) {
      const row = await existingExecution(jobId, thingName);
      if (!isTerminal(row.status)) {
        if (!force) {
          throw new MusterError(
            'InvalidStateTransition',
            `The execution is ${row.status}: cancel it first, or delete it with force=true.`,
          );
        }
        await remove(jobId, thingName, { by, reason: 'The execution was deleted.' });
      }
      await deleteExecution(db, jobId, thingName, Date.now());
    },

    async removeExecutionsOf(thingName, by) {
      for (const { jobId } of await activeExecutionsOf(db, thingName)) {
        await remove(jobId, thingName, { by, reason: 'The thing was deleted.' });
      }
    },

    membershipChanged(groupNames) {
      if (groupNames === undefined) return void poke().catch(warn);
      groupNames.forEach((name) => changedGroups.add(name));
      if (changedGroups.size === 0) return;
      poking ??= setTimeout(() => {
        poking = undefined;
        const names = [...changedGroups];
        changedGroups.clear();
        poke(names).catch(warn);
      }, POKE_DELAY_MS);
    },
  };

  /** Else a workflow would be started for nothing. */
  async function requireJob(jobId: string): Promise<void> {
    if (!(await findJobState(db, jobId))) throw new MusterError('JobNotFound', `There is no job ${jobId}.`);
  }

  async function remove(
    jobId: string,
    thingName: string,
    cause: { by: string; reason: string },
  ): Promise<void> {
    const handle = workflow.getHandle(executionWorkflowId(jobId, thingName));
    const heard = await reached(() =>
      asMusterErrors(() => handle.executeUpdate(removeOneExecution, { args: [cause] })),
    );
    if (!heard && !isTerminal((await existingExecution(jobId, thingName)).status))
      await mendExecution({ client, taskQueue }, { jobId, thingName });
  }

  async function existingExecution(jobId: string, thingName: string) {
    const row = await findExecution(db, jobId, thingName);
    if (!row) throw new MusterError('ExecutionNotFound', `Job ${jobId} has no execution on ${thingName}.`);
    return row;
  }

  function warn(error: unknown): void {
    log.warn(
      { err: error },
      'Continuous jobs were not told of a change of membership; they find it by themselves.',
    );
  }

  async function poke(groupNames?: string[]): Promise<void> {
    for (const jobId of await watchingJobs(db, groupNames)) {
      await reached(() => workflow.getHandle(jobWorkflowId(jobId)).signal(pokeJob));
    }
  }
}

/** What a workflow refuses comes back as an ApplicationFailure whose type is one of our codes. */
async function asMusterErrors(message: () => Promise<void>): Promise<void> {
  try {
    await message();
  } catch (error) {
    const failure = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(failure instanceof ApplicationFailure) || !isErrorCode(failure.type)) throw error;
    throw new MusterError(failure.type, failure.message);
  }
}
