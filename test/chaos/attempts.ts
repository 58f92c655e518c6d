/** What is told of an execution, attempt by attempt. */

export const TERMINAL = new Set(['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED', 'REMOVED']);

export interface Transition {
  executionNumber: number;
  versionNumber: number;
  from: string | null;
  to: string;
  at: string;
  by: string;
}

export interface Attempt {
  number: number;
  transitions: Transition[];
  launchedAt: number;
  /** Infinity while it is open. */
  endedAt: number;
  last: Transition;
}

/** Oldest first. */
export function attemptsOf(transitions: readonly Transition[]): Attempt[] {
  const byNumber = new Map<number, Transition[]>();
  for (const transition of transitions) {
    const { executionNumber } = transition;
    byNumber.set(executionNumber, [...(byNumber.get(executionNumber) ?? []), transition]);
  }
  return [...byNumber]
    .sort(([one], [other]) => one - other)
    .map(([number, ofAttempt]) => {
      const last = ofAttempt.at(-1)!;
      return {
        number,
        transitions: ofAttempt,
        launchedAt: Date.parse(ofAttempt[0]!.at),
        endedAt: TERMINAL.has(last.to) ? Date.parse(last.at) : Infinity,
        last,
      };
    });
}
