/**
 * One job on one thing: from QUEUED to a terminal status, however long that takes.
 * It alone decides on the execution's transitions; its activities write them down and tell the device.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import {
  decide,
  nextDeadline,
  nextTimer,
  queuedExecution,
  resumed,
  type ExecutionEvent,
  type ExecutionState,
  type Refusal,
} from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import { SECOND } from '../src/domain/limits';
import { isRepeat } from '../src/domain/repeats';
import { isTerminal, type ExecutionStatus } from '../src/domain/statuses';
import { local } from './activity-types';
import {
  answerDeviceRequest,
  cancelExecution,
  cancelOneExecution,
  deviceRequest,
  discardExecution,
  removeExecution,
  removeOneExecution,
  type DeviceAnswer,
  type DeviceRequest,
  type ExecutionInput,
} from './messages';

/** A redelivered request arrives soon after the first, so a few are enough; older ones the store knows. */
const REMEMBERED_REQUESTS = 10;

/** Pauses between looks for its record double up to this: by so much a timer may be late. */
const LONGEST_PAUSE = 10 * SECOND;

/** Carried over when an execution that reports very often continues as new. */
export interface ExecutionProgress {
  state: ExecutionState;
  accepted: DeviceRequest[];
  /** Not dealt with yet. */
  inbox: StoredMessage[];
}

interface StoredMessage {
  event: ExecutionEvent;
  cause: Cause;
  request?: DeviceRequest;
}

interface Message extends StoredMessage {
  /** Called when the message is dealt with; with the refusal where there was one. */
  done?: (outcome: { answer?: DeviceAnswer; refusal?: Refusal }) => void;
}

export async function execution(
  input: ExecutionInput,
  progress?: ExecutionProgress,
): Promise<{ status: ExecutionStatus } | undefined> {
  const { jobId, thingName, timeouts } = input;
  let state = progress?.state ?? queuedExecution(input.executionNumber, input.queuedAt, timeouts);
  const accepted = progress?.accepted ?? [];
  const inbox: Message[] = progress?.inbox ?? [];
  let discarded = false;
  let looks = 0;
  const timer = new DeadlineTimer();

  setHandler(
    deviceRequest,
    (request) => void inbox.push({ event: request, cause: { by: 'device' }, request }),
  );
  setHandler(answerDeviceRequest, async (request) => {
    const { answer } = await post({ event: request, cause: { by: 'device' }, request });
    return answer;
  });
  setHandler(
    cancelExecution,
    ({ force, ...cause }) => void inbox.push({ event: { kind: 'cancel', force }, cause }),
  );
  setHandler(cancelOneExecution, async ({ force, expectedVersion, ...cause }) => {
    const { refusal } = await post({ event: { kind: 'cancel', force, expectedVersion }, cause });
    if (refusal) throw ApplicationFailure.nonRetryable(refusal.message, refusal.code);
  });
  setHandler(
    removeExecution,
    ({ unlessStarted, ...cause }) => void inbox.push({ event: { kind: 'remove', unlessStarted }, cause }),
  );
  setHandler(removeOneExecution, async (cause) => void (await post({ event: { kind: 'remove' }, cause })));
  setHandler(discardExecution, () => void (discarded = true));

  while (!isTerminal(state.status) && !discarded) {
    describe();
    timer.set(nextDeadline(state), timerSummary());
    await condition(() => inbox.length > 0 || timer.due !== undefined || discarded);
    if (inbox.length === 0 && timer.due !== undefined) inbox.push(timeout(timer.due));
    await work();
    if (isLongEnough()) await continueAsNew<typeof execution>(input, { state, accepted, inbox });
  }
  timer.set(undefined, '');
  if (discarded) return undefined;

  upsertSearchAttributes({ JobExecutionStatus: [state.status] });
  describe();
  do {
    await work();
    await condition(() => inbox.length > 0 || allHandlersFinished());
  } while (inbox.length > 0);
  return { status: state.status };

  function post(message: Message): Promise<{ answer?: DeviceAnswer; refusal?: Refusal }> {
    return new Promise((done) => inbox.push({ ...message, done }));
  }

  async function work(): Promise<void> {
    for (let message = inbox.shift(); message && !discarded; message = inbox.shift()) {
      if (await deal(message)) continue;
      inbox.unshift(message);
      await condition(() => discarded, Math.min(2 ** looks++ * SECOND, LONGEST_PAUSE));
      return;
    }
  }

  /** Whoever waits for an answer is answered in the run that heard the question. */
  function isLongEnough(): boolean {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const isLong = continueAsNewSuggested || historyLength >= (input.eventsPerRun ?? Infinity);
    return isLong && allHandlersFinished() && !isTerminal(state.status);
  }

  /**
   * @returns false where it must wait: a timer can run out before the execution has become visible. Waiting for that
   * must not hold a workflow task, because the batch needs one to make it visible
   */
  async function deal(message: Message): Promise<boolean> {
    const { event, cause, request, done = () => {} } = message;
    if (request && isRepeated(request)) {
      done({ answer: await local.answerAgain({ jobId, thingName, request }) });
      return true;
    }

    const decision = decide(state, event, Date.now(), timeouts);
    if (!decision.accepted) {
      done({ refusal: decision, answer: request && (await refuse(request, decision)) });
      return true;
    }
    if (!decision.changed) {
      state = decision.next;
      done({ answer: request && (await local.answerAsItIs({ jobId, thingName, state, request })) });
      return true;
    }

    const transition = { jobId, thingName, from: state.status, state: decision.next, cause, request };
    const recorded = await local.recordTransition(transition);
    switch (recorded.outcome) {
      case 'recorded':
        state = decision.next;
        if (request) remember(request);
        done({ answer: recorded.answer });
        return true;
      case 'notYetVisible':
        return false;
      case 'neverVisible':
        discarded = true;
        done({});
        return true;
      case 'taken':
        state = resumed(recorded.state, recorded.nearestDeadline, timeouts);
        return deal(message);
      case 'jobCanceled':
        await deal({ event: { kind: 'cancel', force: true }, cause: recorded.cause });
        return deal(message);
    }
  }

  /** A `start-next` was meant for whichever execution is next, so it is passed on. */
  async function refuse(request: DeviceRequest, refusal: Refusal): Promise<DeviceAnswer | undefined> {
    return request.kind === 'start-next'
      ? local.passOnStartNext({ thingName, request })
      : local.refuse({ jobId, thingName, state, request, refusal });
  }

  function isRepeated(request: DeviceRequest): boolean {
    return accepted.some((former) => isRepeat(request, former));
  }

  function remember(request: DeviceRequest): void {
    accepted.push(request);
    if (accepted.length > REMEMBERED_REQUESTS) accepted.shift();
  }

  function describe(): void {
    setCurrentDetails(currentDetails(thingName, state));
  }

  function timerSummary(): string {
    return `${nextTimer(state)} timeout of ${thingName}`;
  }

  function timeout(deadline: number): Message {
    const reason = `The ${nextTimer(state)} timeout ran out.`;
    return { event: { kind: 'timer', deadline }, cause: { by: 'timer', reason } };
  }
}

/** One durable timer that follows a deadline, and is replaced only when the deadline moves. */
class DeadlineTimer {
  /** The deadline that has come. */
  due?: number;
  private deadline?: number;
  private scope?: CancellationScope;

  set(deadline: number | undefined, summary: string): void {
    if (deadline === this.deadline) return;
    this.scope?.cancel();
    this.deadline = deadline;
    this.due = undefined;
    if (deadline === undefined) return;
    this.scope = new CancellationScope();
    this.scope
      .run(() => sleep(Math.max(1, deadline - Date.now()), { summary }))
      .then(() => void (this.due = this.deadline === deadline ? deadline : this.due))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }
}

/** What the Temporal UI shows of this execution, in words. */
function currentDetails(thingName: string, state: ExecutionState): string {
  const deadline = nextDeadline(state);
  const until =
    deadline === undefined
      ? ''
      : `\n\nTimes out at ${new Date(deadline).toISOString()} (${nextTimer(state)} timeout).`;
  if (state.status === 'QUEUED') {
    return `**QUEUED** since ${new Date(state.queuedAt).toISOString()}: waiting for ${thingName} to pick up the job.${until}`;
  }
  const details = Object.entries(state.statusDetails ?? {}).map(([key, value]) => `\n- ${key}: ${value}`);
  if (state.status === 'IN_PROGRESS') {
    return `**IN_PROGRESS**: waiting for ${thingName} to report. Last report at ${new Date(state.lastUpdatedAt).toISOString()}.${until}\n${details.join('')}`;
  }
  return `**${state.status}** at ${new Date(state.lastUpdatedAt).toISOString()}.\n${details.join('')}`;
}
