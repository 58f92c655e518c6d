/** What every room says of jobs in the same words. */
import type { TimeoutConfig } from './execution';
import type { JobType } from './statuses';

/** Who asked for a change, and why; both end up in the transition's record. */
export interface Cause {
  /** `device`, `timer`, `membership`, `muster`, or `key:{apiKey}`. */
  by: string;
  reason?: string;
}

/** A job as it was asked for. */
export interface NewJobRequest {
  jobId: string;
  name?: string;
  jobType: JobType;
  description?: string;
  targets: { thingNames: string[]; thingGroupNames: string[] };
  /** Text, so that every value in it stays as it was given. */
  documentJson: string;
  timeoutConfig: TimeoutConfig;
  createdBy: string;
  /** SHA-256 of the request body, with an Idempotency-Key. */
  requestHash?: string;
}

/** An attempt of a job on a thing that is about to begin. */
export interface Launch {
  thingName: string;
  /** 1 for the first attempt. */
  executionNumber: number;
}
