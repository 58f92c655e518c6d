/**
 * The vocabulary between Muster's processes and its workflows: names, ids, signals, updates.
 * Free of zod and of node modules, because workflow code imports it.
 */
import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Report, StartNext, TimeoutConfig } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import type { ExecutionStatus } from '../src/domain/statuses';

/** Keyword attributes of the workflows. `ExecutionStatus` is a name that Temporal keeps for itself. */
export const SEARCH_ATTRIBUTES = ['JobId', 'ThingName', 'JobStatus', 'JobExecutionStatus'] as const;

export const jobWorkflowId = (jobId: string) => `job/${jobId}`;
export const batchWorkflowId = (jobId: string, n: number) => `job/${jobId}/batch/${n}`;
export const executionWorkflowId = (jobId: string, thingName: string) => `job/${jobId}/thing/${thingName}`;
export const deletionWorkflowId = (jobId: string) => `job/${jobId}/deletion`;

// ── job ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CancelJobRequest {
  by: string;
  force: boolean;
  reasonCode?: string;
  comment?: string;
}

/** Resolves when the job is in the store; fails with an ApplicationFailure of type `UnknownTarget`. */
export const jobCreated = defineUpdate<void>('created');
/** Resolves when the job is CANCELED in the store; fails with type `JobNotActive` where it is terminal already. */
export const cancelJob = defineUpdate<void, [CancelJobRequest]>('cancel');
/** The job is being deleted: launch nothing more and close. */
export const stopJob = defineSignal('stop');
/** Group membership has changed: read the log. Losing one costs a moment, never a thing. */
export const pokeJob = defineSignal('poke');
/** A batch tells its job: all its executions are started and visible. */
export const batchLaunched = defineSignal<[{ n: number }]>('batchLaunched');
/** A batch tells its job: all its executions are terminal; `counts` says how. */
export const batchFinished =
  defineSignal<[{ n: number; counts: Partial<Record<ExecutionStatus, number>> }]>('batchFinished');

// ── execution ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What every device request carries beside its own fields. */
interface DeviceRequestBase {
  clientToken?: string;
  /** Over MQTT: the topic of the request, under which the answer goes out. Over HTTPS: absent. */
  topic?: string;
  /** Epoch milliseconds. */
  receivedAt: number;
}

export type StartNextRequest = StartNext & DeviceRequestBase;

export type UpdateRequest = Report &
  DeviceRequestBase & { includeJobExecutionState?: boolean; includeJobDocument?: boolean };

export type DeviceRequest = StartNextRequest | UpdateRequest;

/** The body of an `accepted` or `rejected` message, as it goes to the device. */
export interface DeviceAnswer {
  accepted: boolean;
  body: Record<string, unknown>;
}

export interface CancelExecutionRequest extends Cause {
  force: boolean;
  expectedVersion?: number;
}

export const deviceRequest = defineSignal<[DeviceRequest]>('deviceRequest');
/**
 * The same for a device that waits for its answer (HTTPS). Undefined: this execution is no longer pending, ask for
 * the next one.
 */
export const answerDeviceRequest = defineUpdate<DeviceAnswer | undefined, [DeviceRequest]>(
  'answerDeviceRequest',
);
/** Of a whole job: an execution that may not be canceled (IN_PROGRESS without force) runs on. */
export const cancelExecution = defineSignal<[CancelExecutionRequest]>('cancelExecution');
/** Of one execution by an operator: fails with type `InvalidStateTransition` or `VersionMismatch`. */
export const cancelOneExecution = defineUpdate<void, [CancelExecutionRequest]>('cancelOneExecution');
/** The same, and resolves when it is REMOVED; an execution that is terminal already stays as it is. */
export const removeOneExecution = defineUpdate<void, [Cause]>('removeOneExecution');
/** The record goes away; the device is told where it still had it pending. */
export const removeExecution = defineSignal<[Cause]>('removeExecution');
/** Started, but its job was canceled before it became visible: close without a trace. */
export const discardExecution = defineSignal('discardExecution');

// ── deletion ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DeletionRequest {
  jobId: string;
  by: string;
  /** Also where the job is still active. */
  force: boolean;
}

/** Resolves when the job is DELETION_IN_PROGRESS; fails with type `JobActive` or `JobNotFound`. */
export const deletionBegun = defineUpdate<void>('begun');

// ── inputs ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ExecutionInput {
  jobId: string;
  thingName: string;
  executionNumber: number;
  queuedAt: number;
  timeouts: TimeoutConfig;
  /** History events before it continues as new; Temporal's own suggestion where left out. A test lowers it. */
  eventsPerRun?: number;
}
