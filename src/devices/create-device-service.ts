/** Answers devices from the store where nothing changes, and hands everything else to the execution's workflow. */
import type { Client } from '@temporalio/client';
import { decide } from '../domain/execution';
import { MAX_PENDING_LISTED } from '../domain/limits';
import { isTerminal } from '../domain/statuses';
import {
  answerDeviceRequest,
  cancelExecution,
  deviceRequest,
  executionWorkflowId,
  type DeviceAnswer,
  type DeviceRequest,
  type UpdateRequest,
} from '../../workflows/messages';
import type { Db } from '../store/database';
import { findExecution, findRepeated, pendingExecutions, readDocument, stateOf } from '../store/executions';
import { cancelCause, findJobState, type JobState } from '../store/jobs';
import type { ExecutionRow } from '../store/schema';
import { mendExecution } from '../temporal/mend-execution';
import { reached } from '../temporal/open-workflows';
import { accepted, executionBody, executionState, summary, updateAnswer } from './answers';
import { rejected, type DescribeRequest, type DeviceService } from './service';

/** Between reading who is next and asking it, executions can end; each try sees a later list. */
const START_NEXT_TRIES = 5;

interface Asked {
  gone: boolean;
  answer?: DeviceAnswer;
}

export function createDeviceService(deps: { db: Db; client: Client; taskQueue: string }): DeviceService {
  const { db, client } = deps;

  return {
    async getPending(thingName, request) {
      const pending = await pendingExecutions(db, thingName, MAX_PENDING_LISTED);
      const of = (status: string) => pending.filter((row) => row.status === status).map(summary);
      return accepted({ inProgressJobs: of('IN_PROGRESS'), queuedJobs: of('QUEUED') }, request);
    },

    async describe(thingName, jobId, request) {
      if (jobId === '$next') return describeNext(thingName, request);
      const row = await findExecution(db, jobId, thingName);
      if (!row || isOtherAttempt(row, request)) return notFound(thingName, jobId, request);
      return accepted({ execution: await view(row, request.includeJobDocument ?? true) }, request);
    },

    async startNext(thingName, request) {
      for (let i = 0; i < START_NEXT_TRIES; i++) {
        const [next] = await pendingExecutions(db, thingName, 1);
        if (!next) return accepted({}, request);
        // Also where it is IN_PROGRESS: a report of the device that ends it may be under way to the workflow.
        const asked = await ask(next, request);
        if (asked.gone) await mendIfPending(next);
        else if (request.topic !== undefined || asked.answer) return asked.answer;
      }
      return rejected('InternalError', 'The next execution could not be started. Try again.', token(request));
    },

    async update(thingName, jobId, request) {
      const row = await findExecution(db, jobId, thingName);
      const job = row && (await findJobState(db, jobId));
      if (!row || !job) return notFound(thingName, jobId, request);

      const repeated = await findRepeated(db, row, request);
      if (repeated) return updateAnswer(repeated, request, await documentFor(request, row));
      const refused = refusal(row, request);
      if (refused) return refused;

      if (job.dispatch === 'NONE') await overtake(row, job);
      const asked = await ask(row, request);
      return asked.gone ? answerClosed(row, request) : asked.answer;
    },
  };

  async function describeNext(thingName: string, request: DescribeRequest): Promise<DeviceAnswer> {
    const [next] = await pendingExecutions(db, thingName, 1);
    return accepted({ execution: next && (await view(next, request.includeJobDocument ?? true)) }, request);
  }

  async function view(row: ExecutionRow, withDocument: boolean) {
    return executionBody(row, withDocument ? await readDocument(db, row.jobId) : undefined);
  }

  async function documentFor(request: UpdateRequest, row: ExecutionRow) {
    return request.includeJobDocument ? readDocument(db, row.jobId) : undefined;
  }

  async function ask({ jobId, thingName }: ExecutionRow, request: DeviceRequest): Promise<Asked> {
    const handle = client.workflow.getHandle(executionWorkflowId(jobId, thingName));
    let answer: DeviceAnswer | undefined;
    const open = await reached(async () => {
      if (request.topic !== undefined) await handle.signal(deviceRequest, request);
      else answer = await handle.executeUpdate(answerDeviceRequest, { args: [request] });
    });
    return { gone: !open, answer };
  }

  /** A whole job was canceled or is being deleted, and this execution may not have heard of it yet. */
  async function overtake({ jobId, thingName }: ExecutionRow, job: JobState): Promise<void> {
    const handle = client.workflow.getHandle(executionWorkflowId(jobId, thingName));
    await reached(() => handle.signal(cancelExecution, { ...cancelCause(job), force: true }));
  }

  /** The workflow has closed since its row was read. */
  async function answerClosed(
    { jobId, thingName }: ExecutionRow,
    request: UpdateRequest,
  ): Promise<DeviceAnswer> {
    const row = await mendIfPending({ jobId, thingName });
    if (!row) return notFound(thingName, jobId, request);
    return (
      refusal(row, request) ??
      rejected('InternalError', 'The execution has no workflow any more.', token(request))
    );
  }

  /** A workflow that has closed by itself has recorded a terminal status before; one that has not was ended by hand. */
  async function mendIfPending(key: { jobId: string; thingName: string }): Promise<ExecutionRow | undefined> {
    const read = () => findExecution(db, key.jobId, key.thingName);
    const row = await read();
    if (!row || isTerminal(row.status)) return row;
    await mendExecution(deps, key);
    return read();
  }
}

/** Terminal executions need no workflow to be refused. */
function refusal(row: ExecutionRow, request: UpdateRequest): DeviceAnswer | undefined {
  const state = stateOf(row);
  if (!isTerminal(state.status)) return undefined;
  const decision = decide(state, request, Date.now(), {});
  if (decision.accepted) return undefined;
  const extras = decision.code === 'ResourceNotFound' ? {} : { executionState: executionState(state) };
  return rejected(decision.code, decision.message, { ...token(request), ...extras });
}

function isOtherAttempt(row: ExecutionRow, request: DescribeRequest): boolean {
  return request.executionNumber !== undefined && request.executionNumber !== row.executionNumber;
}

function notFound(thingName: string, jobId: string, request: { clientToken?: string }): DeviceAnswer {
  return rejected('ResourceNotFound', `${thingName} has no execution of job ${jobId}.`, token(request));
}

function token(request: { clientToken?: string }): { clientToken?: string } {
  return request.clientToken === undefined ? {} : { clientToken: request.clientToken };
}
