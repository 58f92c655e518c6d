/**
 * The life of one execution as a pure rule: a state and an event give the next state, or the reason why not.
 * The `execution` workflow is the only one to ask, so two answers can never compete.
 */
import { MINUTE } from './limits';
import { isTerminal, type ExecutionStatus, type ReportableStatus } from './statuses';

/** At most 10 pairs; PROTOCOL.md §2. */
export type StatusDetails = Record<string, string>;

/** Minutes, fractions allowed; a field left out means: never. */
export interface TimeoutConfig {
  inProgressTimeoutInMinutes?: number;
  queuedTimeoutInMinutes?: number;
}

/** All times are epoch milliseconds. */
export interface ExecutionState {
  executionNumber: number;
  versionNumber: number;
  status: ExecutionStatus;
  statusDetails?: StatusDetails;
  queuedAt: number;
  startedAt?: number;
  lastUpdatedAt: number;
  finishedAt?: number;
  /** When the queued or the in-progress timer of the job runs out. */
  statusDeadline?: number;
  /** When the device's own step timer runs out. */
  stepDeadline?: number;
}

export interface StartNext {
  kind: 'start-next';
  statusDetails?: StatusDetails;
  stepTimeoutInMinutes?: number;
}

export interface Report {
  kind: 'update';
  status: ReportableStatus;
  statusDetails?: StatusDetails;
  expectedVersion?: number;
  executionNumber?: number;
  /** `-1` clears the step timer. */
  stepTimeoutInMinutes?: number;
}

export interface Cancel {
  kind: 'cancel';
  force: boolean;
  expectedVersion?: number;
}

/** The record goes away: the thing left the job's groups or was deleted, or the job is being deleted. */
export interface Remove {
  kind: 'remove';
  /** One that is IN_PROGRESS may finish: the thing has left the job's groups, and is at work. */
  unlessStarted?: boolean;
}

export interface TimerFired {
  kind: 'timer';
  /** Epoch milliseconds: the deadline that the timer was set for. */
  deadline: number;
}

export type ExecutionEvent = StartNext | Report | Cancel | Remove | TimerFired;

/** Names as devices see them (PROTOCOL.md §2, "Codes"). */
export type RefusalCode = 'InvalidStateTransition' | 'VersionMismatch' | 'ResourceNotFound';

export interface Refusal {
  accepted: false;
  code: RefusalCode;
  message: string;
}

/** `changed` is false where nothing is to be recorded: only a deadline moved, or not even that. */
export interface Acceptance {
  accepted: true;
  changed: boolean;
  next: ExecutionState;
}

export type Decision = Acceptance | Refusal;

export function queuedExecution(
  executionNumber: number,
  now: number,
  timeouts: TimeoutConfig,
): ExecutionState {
  return {
    executionNumber,
    versionNumber: 1,
    status: 'QUEUED',
    queuedAt: now,
    lastUpdatedAt: now,
    statusDeadline: after(now, timeouts.queuedTimeoutInMinutes),
  };
}

export function decide(
  state: ExecutionState,
  event: ExecutionEvent,
  now: number,
  timeouts: TimeoutConfig,
): Decision {
  switch (event.kind) {
    case 'start-next':
      return startNext(state, event, now, timeouts);
    case 'update':
      return report(state, event, now, timeouts);
    case 'cancel':
      return cancel(state, event, now);
    case 'remove':
      return remove(state, event, now);
    case 'timer':
      return timeOut(state, event, now);
  }
}

/**
 * The state that was recorded, with its deadlines: of the two only the nearer one is kept in records.
 * @param nearest epoch milliseconds
 */
export function resumed(
  recorded: ExecutionState,
  nearest: number | undefined,
  timeouts: TimeoutConfig,
): ExecutionState {
  if (isTerminal(recorded.status)) return recorded;
  const statusDeadline =
    recorded.startedAt === undefined
      ? after(recorded.queuedAt, timeouts.queuedTimeoutInMinutes)
      : after(recorded.startedAt, timeouts.inProgressTimeoutInMinutes);
  const stepDeadline = nearest === statusDeadline ? undefined : nearest;
  return { ...recorded, statusDeadline, stepDeadline };
}

/** The nearer of the two deadlines, or undefined where no timer runs. */
export function nextDeadline(state: ExecutionState): number | undefined {
  if (isTerminal(state.status)) return undefined;
  const deadlines = [state.statusDeadline, state.stepDeadline].filter((at) => at !== undefined);
  return deadlines.length > 0 ? Math.min(...deadlines) : undefined;
}

/** Which timer is the one that `nextDeadline` tells of; a step timer never outlives the in-progress timer. */
export function nextTimer(state: ExecutionState): 'queued' | 'in-progress' | 'step' {
  if (state.status === 'QUEUED') return 'queued';
  return state.stepDeadline !== undefined && state.stepDeadline === nextDeadline(state)
    ? 'step'
    : 'in-progress';
}

function startNext(state: ExecutionState, event: StartNext, now: number, timeouts: TimeoutConfig): Decision {
  if (isTerminal(state.status)) return alreadyTerminal(state);
  const stepDeadline = movedStepDeadline(state, event.stepTimeoutInMinutes, now);
  if (state.status === 'IN_PROGRESS') {
    return { accepted: true, changed: false, next: { ...state, stepDeadline } };
  }
  return accept({ ...start(state, now, timeouts), stepDeadline, statusDetails: event.statusDetails });
}

function report(state: ExecutionState, event: Report, now: number, timeouts: TimeoutConfig): Decision {
  if (event.executionNumber !== undefined && event.executionNumber !== state.executionNumber) {
    return refuse(
      'ResourceNotFound',
      `executionNumber ${event.executionNumber} is not the current attempt, which is ${state.executionNumber}.`,
    );
  }
  if (isTerminal(state.status)) return alreadyTerminal(state);
  const mismatch = versionMismatch(state, event.expectedVersion);
  if (mismatch) return mismatch;

  const reported = { ...state, statusDetails: event.statusDetails ?? state.statusDetails };
  if (event.status !== 'IN_PROGRESS') return accept(finish(reported, event.status, now));
  const started =
    state.status === 'QUEUED'
      ? start(reported, now, timeouts)
      : { ...advance(reported, now), status: event.status };
  return accept({ ...started, stepDeadline: movedStepDeadline(state, event.stepTimeoutInMinutes, now) });
}

function cancel(state: ExecutionState, event: Cancel, now: number): Decision {
  if (isTerminal(state.status)) return alreadyTerminal(state);
  const mismatch = versionMismatch(state, event.expectedVersion);
  if (mismatch) return mismatch;
  if (state.status === 'IN_PROGRESS' && !event.force) {
    return refuse(
      'InvalidStateTransition',
      'The execution is IN_PROGRESS: it can only be canceled with force.',
    );
  }
  return accept(finish(state, 'CANCELED', now));
}

function remove(state: ExecutionState, event: Remove, now: number): Decision {
  if (isTerminal(state.status)) return alreadyTerminal(state);
  if (event.unlessStarted && state.status === 'IN_PROGRESS') return unchanged(state);
  return accept(finish(state, 'REMOVED', now));
}

/** The timer says when it is time, and not this process's clock: where that is behind, the deadline has come all the same. */
function timeOut(state: ExecutionState, event: TimerFired, now: number): Decision {
  if (nextDeadline(state) !== event.deadline) return unchanged(state);
  return accept(finish(state, 'TIMED_OUT', Math.max(now, event.deadline)));
}

function start(state: ExecutionState, now: number, timeouts: TimeoutConfig): ExecutionState {
  return {
    ...advance(state, now),
    status: 'IN_PROGRESS',
    startedAt: now,
    statusDeadline: after(now, timeouts.inProgressTimeoutInMinutes),
  };
}

function finish(state: ExecutionState, status: ExecutionStatus, now: number): ExecutionState {
  return {
    ...advance(state, now),
    status,
    finishedAt: now,
    statusDeadline: undefined,
    stepDeadline: undefined,
  };
}

function advance(state: ExecutionState, now: number): ExecutionState {
  return { ...state, versionNumber: state.versionNumber + 1, lastUpdatedAt: now };
}

/** Left out: the running timer stays. `-1`: it is cleared. Else it counts anew from now. */
function movedStepDeadline(
  state: ExecutionState,
  minutes: number | undefined,
  now: number,
): number | undefined {
  if (minutes === undefined) return state.stepDeadline;
  return minutes === -1 ? undefined : after(now, minutes);
}

function after(now: number, minutes: number | undefined): number | undefined {
  return minutes === undefined ? undefined : now + Math.round(minutes * MINUTE);
}

function accept(next: ExecutionState): Acceptance {
  return { accepted: true, changed: true, next };
}

function unchanged(state: ExecutionState): Acceptance {
  return { accepted: true, changed: false, next: state };
}

function refuse(code: RefusalCode, message: string): Refusal {
  return { accepted: false, code, message };
}

function alreadyTerminal(state: ExecutionState): Refusal {
  return refuse('InvalidStateTransition', `The execution is ${state.status}, which is terminal.`);
}

function versionMismatch(state: ExecutionState, expectedVersion: number | undefined): Refusal | undefined {
  if (expectedVersion === undefined || expectedVersion === state.versionNumber) return undefined;
  return refuse(
    'VersionMismatch',
    `expectedVersion ${expectedVersion} does not match the current version ${state.versionNumber}.`,
  );
}
