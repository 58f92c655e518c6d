/** Statuses of jobs and executions (manage-jobs.md, "Job Statuses" and "Execution Statuses per Device"). */

export const JOB_STATUSES = ['IN_PROGRESS', 'COMPLETED', 'CANCELED', 'DELETION_IN_PROGRESS'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const EXECUTION_STATUSES = [
  'QUEUED',
  'IN_PROGRESS',
  'SUCCEEDED',
  'FAILED',
  'REJECTED',
  'TIMED_OUT',
  'CANCELED',
  'REMOVED',
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** What a device may report. Everything else is decided by Muster. */
export const REPORTABLE_STATUSES = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED'] as const;
export type ReportableStatus = (typeof REPORTABLE_STATUSES)[number];

export const JOB_TYPES = ['SNAPSHOT', 'CONTINUOUS'] as const;
export type JobType = (typeof JOB_TYPES)[number];

/** Pending executions are the ones a device still has to work on. */
export const PENDING_STATUSES = ['IN_PROGRESS', 'QUEUED'] as const;
export type PendingStatus = (typeof PENDING_STATUSES)[number];

/** A terminal execution never reopens. */
export function isTerminal(status: ExecutionStatus): boolean {
  return status !== 'QUEUED' && status !== 'IN_PROGRESS';
}

export type ExecutionCounts = Record<ExecutionStatus, number>;

export function noExecutions(): ExecutionCounts {
  return Object.fromEntries(EXECUTION_STATUSES.map((status) => [status, 0])) as ExecutionCounts;
}

/**
 * Which executions of a job its devices may still see. It closes at the very moment a job is canceled or deleted,
 * before the executions themselves have heard of it.
 *
 * - `ALL`: queued and started ones
 * - `STARTED`: the job was canceled without force; who has begun may finish
 * - `NONE`: canceled with force, or being deleted
 */
export const DISPATCH_MODES = ['ALL', 'STARTED', 'NONE'] as const;
export type Dispatch = (typeof DISPATCH_MODES)[number];

/** The targets of a job. */
export interface TargetCounts {
  total: number;
  /** Those that have got an execution. */
  launched: number;
  /** The rest: still to be launched, or never launched where the job is over. */
  notLaunched: number;
}

/**
 * How a target stands: `WAITING` to be launched, `LAUNCHED`, or `NOT_LAUNCHED` because the job was over before.
 */
export const TARGET_STATES = ['WAITING', 'LAUNCHED', 'NOT_LAUNCHED'] as const;
export type TargetState = (typeof TARGET_STATES)[number];
