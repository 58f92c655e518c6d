/** What an execution's workflow does at a transition: the store write, the answer, the notifications, in this order. */
import type { ExecutionState, Refusal } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import type { ExecutionStatus } from '../src/domain/statuses';
import { accepted, executionBody, executionState, updateAnswer } from '../src/devices/answers';
import type { Notifier } from '../src/devices/notifier';
import { publishAnswer, type Publisher } from '../src/devices/publisher';
import { rejected, type DeviceService } from '../src/devices/service';
import type { Db } from '../src/store/database';
import { cancelCause, findJobState } from '../src/store/jobs';
import { isWaitingTarget } from '../src/store/targets';
import { findExecution, findRepeated, readDocument, stateOf } from '../src/store/executions';
import { moveDeadline, recordTransition, transitionRow } from '../src/store/transitions';
import type { ExecutionRow, TransitionRow } from '../src/store/schema';
import type { DeviceAnswer, DeviceRequest, StartNextRequest, UpdateRequest } from '../workflows/messages';

export interface ExecutionMetrics {
  transition(to: ExecutionStatus, count?: number): void;
  /** From the arrival of a device's request to its `accepted`. */
  reportAccepted(seconds: number): void;
}

export interface ExecutionDeps {
  db: Db;
  publisher: Publisher;
  notifier: Notifier;
  devices: DeviceService;
  metrics: ExecutionMetrics;
}

interface ExecutionKey {
  jobId: string;
  thingName: string;
}

/** What became of a transition that the workflow has decided. */
export type RecordedTransition =
  | { outcome: 'recorded'; answer?: DeviceAnswer }
  /** Its batch has not made it visible yet; try again. */
  | { outcome: 'notYetVisible' }
  /** Its record is not there, and will never be: there is nothing to carry on. */
  | { outcome: 'neverVisible' }
  /**
   * Nothing was recorded, because another transition stands under this version; this is where that has led. It comes
   * from a workflow task that was lost after its activities: the next try may hear of the same events in another order.
   */
  | { outcome: 'taken'; state: ExecutionState; nearestDeadline?: number }
  /** Nothing of the job starts any more; this execution has not heard of it yet. */
  | { outcome: 'jobCanceled'; cause: Cause };

export function executionActivities({ db, publisher, notifier, devices, metrics }: ExecutionDeps) {
  return {
    async recordTransition(
      input: ExecutionKey & {
        from: ExecutionStatus;
        state: ExecutionState;
        cause: Cause;
        request?: DeviceRequest;
      },
    ): Promise<RecordedTransition> {
      const { thingName, state, request } = input;
      // A start-next is repeated by asking again; only reports are known again.
      const record = { ...input, report: request?.kind === 'update' ? request : undefined };
      const recorded = await recordTransition(db, record);
      switch (recorded.outcome) {
        case 'notVisible':
          return { outcome: (await isWaiting(input)) ? 'notYetVisible' : 'neverVisible' };
        case 'taken':
          return {
            outcome: 'taken',
            state: stateOf(recorded.row),
            nearestDeadline: recorded.row.deadline ?? undefined,
          };
        case 'jobCanceled':
          return { outcome: 'jobCanceled', cause: await causeOfEnd(input.jobId) };
        case 'recorded': {
          metrics.transition(state.status);
          const answer = request && (await answerTo(request, recorded.row, transitionRow(record)));
          await notifier.notify(thingName, recorded.notifications);
          return { outcome: 'recorded', answer };
        }
      }
    },

    /** A `start-next` on an execution that is IN_PROGRESS returns it as it is; its step timer may have moved. */
    async answerAsItIs(
      input: ExecutionKey & { state: ExecutionState; request: DeviceRequest },
    ): Promise<DeviceAnswer | undefined> {
      await moveDeadline(db, input.jobId, input.thingName, input.state);
      return answerStart(input.request, await findExecution(db, input.jobId, input.thingName));
    },

    /** A repeat of a request that was accepted gets the first answer again. */
    async answerAgain(input: ExecutionKey & { request: DeviceRequest }): Promise<DeviceAnswer | undefined> {
      const { jobId, thingName, request } = input;
      if (request.kind === 'start-next')
        return answerStart(request, await findExecution(db, jobId, thingName));
      const transition = await findFirst(input, request);
      return transition && answerUpdate(request, transition);
    },

    async refuse(
      input: ExecutionKey & { state: ExecutionState; request: UpdateRequest; refusal: Refusal },
    ): Promise<DeviceAnswer | undefined> {
      const { state, request, refusal } = input;
      // It may be recorded already, by a workflow task that was lost before it could remember.
      const transition = await findFirst(input, request);
      if (transition) return answerUpdate(request, transition);

      const known = refusal.code === 'ResourceNotFound' ? undefined : executionState(state);
      return send(
        request,
        rejected(refusal.code, refusal.message, { clientToken: request.clientToken, executionState: known }),
      );
    },

    /**
     * The execution that was next when the device asked has ended meanwhile.
     * @returns undefined over HTTPS: who waits there asks again by itself
     */
    async passOnStartNext(input: {
      thingName: string;
      request: StartNextRequest;
    }): Promise<DeviceAnswer | undefined> {
      const { thingName, request } = input;
      if (request.topic === undefined) return undefined;
      const answer = await devices.startNext(thingName, request);
      return answer && send(request, answer);
    },
  };

  async function causeOfEnd(jobId: string): Promise<Cause> {
    const job = await findJobState(db, jobId);
    return job ? cancelCause(job) : { by: 'muster', reason: 'The job was deleted.' };
  }

  /** Else it will never become visible: its job was canceled, its thing is no target any more, or its record was deleted. */
  async function isWaiting({ jobId, thingName }: ExecutionKey): Promise<boolean> {
    const job = await findJobState(db, jobId);
    return job?.status === 'IN_PROGRESS' && (await isWaitingTarget(db, jobId, thingName));
  }

  /** What an earlier one of this request has recorded. */
  async function findFirst({ jobId, thingName }: ExecutionKey, request: UpdateRequest) {
    const row = await findExecution(db, jobId, thingName);
    return row && findRepeated(db, row, request);
  }

  async function answerTo(
    request: DeviceRequest,
    row: ExecutionRow,
    transition: TransitionRow,
  ): Promise<DeviceAnswer | undefined> {
    return request.kind === 'start-next' ? answerStart(request, row) : answerUpdate(request, transition);
  }

  async function answerUpdate(
    request: UpdateRequest,
    transition: TransitionRow,
  ): Promise<DeviceAnswer | undefined> {
    const jobDocument = request.includeJobDocument ? await readDocument(db, transition.jobId) : undefined;
    return accept(request, updateAnswer(transition, request, jobDocument));
  }

  async function answerStart(
    request: DeviceRequest,
    row: ExecutionRow | undefined,
  ): Promise<DeviceAnswer | undefined> {
    const execution = row && executionBody(row, await readDocument(db, row.jobId));
    return accept(request, accepted({ execution }, request));
  }

  function accept(request: DeviceRequest, answer: DeviceAnswer): Promise<DeviceAnswer | undefined> {
    metrics.reportAccepted((Date.now() - request.receivedAt) / 1000);
    return send(request, answer);
  }

  /** Over MQTT the answer goes out under the topic of the request; over HTTPS whoever waits gets it. */
  async function send(request: DeviceRequest, answer: DeviceAnswer): Promise<DeviceAnswer | undefined> {
    if (request.topic === undefined) return answer;
    await publishAnswer(publisher, { topic: request.topic, reply: request.reply }, answer);
    return undefined;
  }
}
