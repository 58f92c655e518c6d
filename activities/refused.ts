import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ErrorCode } from '../src/contract/errors';

/** What was asked for can't be: an answer, not a fault. It is neither retried nor logged as one. */
export function refused(message: string, code: ErrorCode, details?: unknown): ApplicationFailure {
  return ApplicationFailure.create({
    message,
    type: code,
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    details: details === undefined ? [] : [details],
  });
}
