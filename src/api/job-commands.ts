/** What the REST API asks of the workflows. Implemented by `createJobCommands`; errors are `MusterError`s. */
import type { NewJobRequest } from '../domain/job';
import type { CancelExecutionRequest, CancelJobRequest } from '../../workflows/messages';

export interface JobCommands {
  /** Resolves when the job is durable and listed. Throws `UnknownTarget`. */
  create(request: NewJobRequest): Promise<void>;
  /** Throws `JobNotFound`, `JobNotActive`. */
  cancel(jobId: string, request: CancelJobRequest): Promise<void>;
  /** Throws `JobNotFound`, `JobActive` (without force). Deleting a job that is being deleted is no error. */
  delete(jobId: string, request: { by: string; force: boolean }): Promise<void>;
  /** Throws `ExecutionNotFound`, `InvalidStateTransition`, `VersionMismatch`. */
  cancelExecution(jobId: string, thingName: string, request: CancelExecutionRequest): Promise<void>;
  /** Throws `ExecutionNotFound`, `InvalidStateTransition` (active, without force). */
  deleteExecution(jobId: string, thingName: string, request: { by: string; force: boolean }): Promise<void>;
  /** Makes the pending executions of a thing REMOVED. To be called after the thing is marked as deleted. */
  removeExecutionsOf(thingName: string, by: string): Promise<void>;
  /**
   * Tells the CONTINUOUS jobs on these groups that membership has changed; all of them where no groups are given, as
   * at start, when a crash may have come between a change and its telling. Returns at once; never throws.
   */
  membershipChanged(groupNames?: readonly string[]): void;
}
