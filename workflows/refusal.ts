import { ApplicationFailure } from '@temporalio/workflow';

/** What an activity refused, to be passed on to whoever asked. @throws the error itself where it is something else */
export function refusalIn(error: unknown): ApplicationFailure {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) throw error;
  return cause;
}
