/**
 * The vocabulary between Muster's processes and its workflows: names, ids, signals, updates.
 * Free of zod and of node modules, because workflow code imports it.
 */
import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Report, StartNext, TimeoutConfig } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import type { JobStatus } from '../src/domain/statuses';

/** Keyword attributes of the workflows. `ExecutionStatus` is a name that Temporal keeps for itself. */
export const SEARCH_ATTRIBUTES = ['JobId', 'ThingName', 'JobStatus', 'JobExecutionStatus'] as const;

export const jobWorkflowId = (jobId: string) => `job/${jobId}`;
/** @param first position of its first target in the job's queue */
export const batchWorkflowId = (jobId: string, first: number) => `job/${jobId}/batch/${first}`;
export const executionWorkflowId = (jobId: string, thingName: string) => `job/${jobId}/thing/${thingName}`;
export const cancellationWorkflowId = (jobId: string) => `job/${jobId}/cancellation`;
export const deletionWorkflowId = (jobId: string) => `job/${jobId}/deletion`;

// ── job ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Resolves when the job is in the store; fails with an ApplicationFailure of type `UnknownTarget`. */
export const jobCreated = defineUpdate<void>('created');
/** The job was canceled, or is being deleted: launch nothing more and close with this status. */
export const stopJob = defineSignal<[JobStatus]>('stop');
/** Group membership has changed: read the log. Losing one costs a moment, never a thing. */
export const pokeJob = defineSignal('poke');
/** A batch tells its job: its executions are started and visible. `queueEnd`: some were put back into the queue. */
export const batchLaunched = defineSignal<[{ first: number; queueEnd?: number }]>('batchLaunched');
/** A batch tells its job: all its executions are terminal. */
export const batchFinished = defineSignal<[{ first: number }]>('batchFinished');

// ── execution ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Where else an answer goes, and what it brings back (MQTT 5). */
export interface Reply {
  responseTopic?: string;
  /** Base64 */
  correlationData?: string;
}

/** What every device request carries beside its own fields. */
interface DeviceRequestBase {
  clientToken?: string;
  /** Over MQTT: the topic of the request, under which the answer goes out. Over HTTPS: absent. */
  topic?: string;
  reply?: Reply;
  /** Epoch milliseconds. */
  receivedAt: number;
}

export type StartNextRequest = StartNext & DeviceRequestBase;

export type UpdateRequest = Report &
  DeviceRequestBase & { includeJobExecutionState?: boolean; includeJobDocument?: boolean };

export type DeviceRequest = StartNextRequest | UpdateRequest;

export interface DeviceAnswer {
  accepted: boolean;
  /** Of a rejection. */
  code?: string;
  /** The body of the message, as it goes to the device: text, so that the job's document stays as it was given. */
  json: string;
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
export interface RemoveExecutionRequest extends Cause {
  /** One that is IN_PROGRESS may finish. */
  unlessStarted?: boolean;
}

/** The record goes away; the device is told where it still had it pending. */
export const removeExecution = defineSignal<[RemoveExecutionRequest]>('removeExecution');
/** Started, but its thing was no target any more before it became visible: close without a trace. */
export const discardExecution = defineSignal('discardExecution');

// ── cancellation and deletion ───────────────────────────────────────────────────────────────────────────────────

export interface CancelJobRequest {
  by: string;
  /** Also executions that are IN_PROGRESS; in a job that is CANCELED already, too. */
  force: boolean;
  reasonCode?: string;
  comment?: string;
}

/**
 * Resolves when the cancellation is in the store: no device gets the job any more. Fails with type `JobNotFound`, or
 * `JobNotActive` where nothing is left to stop.
 */
export const cancelJob = defineUpdate<void, [CancelJobRequest]>('cancel');

export interface DeleteJobRequest {
  by: string;
  /** Also where the job is still active. */
  force: boolean;
}

/** Resolves when the job is DELETION_IN_PROGRESS; fails with type `JobActive` or `JobNotFound`. */
export const deleteJob = defineUpdate<void, [DeleteJobRequest]>('delete');

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
