import { CommanderError } from 'commander';

/** The user asked for something that cannot be meant: exit code 2. */
export class UsageError extends Error {}

/** What was asked for did not come about, and the message says all there is to say: exit code 1. */
export class Failure extends Error {}

/** The exit code that an error ends the command with, after saying on stderr what is wrong. */
export function exitCodeOf(error: unknown): number {
  // Commander has printed its own errors, and help that was asked for is none.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  console.error(describe(error));
  return error instanceof UsageError || (error as Error).name === 'ConfigError' ? 2 : 1;
}

function describe(error: unknown): string {
  if (error instanceof Error) return `muster: ${error.message}`;
  return `muster: ${String(error)}`;
}
