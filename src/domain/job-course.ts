/** What the status of a job does not tell: launching and canceling take a while, and not every target gets a job that is over. */
import type { ExecutionCounts, JobStatus, TargetCounts } from './statuses';

/** A job as it stands. */
export interface Standing {
  status: JobStatus;
  /** Whether it was canceled with force. */
  forceCanceled: boolean;
  executionCounts: ExecutionCounts;
  targetCounts: TargetCounts;
}

/** What is under way in a job as a whole, and how far it is. */
export interface Course {
  kind: 'LAUNCHING' | 'CANCELING';
  done: number;
  total: number;
}

/** @returns undefined where the status says it all */
export function courseOf(job: Standing): Course | undefined {
  const { status, executionCounts, targetCounts } = job;
  if (status === 'IN_PROGRESS' && targetCounts.notLaunched > 0)
    return { kind: 'LAUNCHING', done: targetCounts.launched, total: targetCounts.total };
  const left = stopping(job);
  if (left > 0)
    return { kind: 'CANCELING', done: executionCounts.CANCELED, total: executionCounts.CANCELED + left };
  return undefined;
}

/** Targets that are still to get the job. */
export function stillToLaunch({ status, targetCounts }: Standing): number {
  return status === 'IN_PROGRESS' ? targetCounts.notLaunched : 0;
}

/** Targets that will not get the job, because it was over before their turn came. */
export function neverLaunched({ status, targetCounts }: Standing): number {
  return status === 'IN_PROGRESS' ? 0 : targetCounts.notLaunched;
}

/** Executions of a canceled job that may finish, and could still be stopped with force. */
export function mayFinish({ status, forceCanceled, executionCounts }: Standing): number {
  return status === 'CANCELED' && !forceCanceled ? executionCounts.IN_PROGRESS : 0;
}

/** Executions of a canceled job that are being canceled, and are not yet. */
function stopping({ status, forceCanceled, executionCounts }: Standing): number {
  if (status !== 'CANCELED') return 0;
  return executionCounts.QUEUED + (forceCanceled ? executionCounts.IN_PROGRESS : 0);
}
