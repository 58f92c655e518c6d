import { setTimeout as sleep } from 'node:timers/promises';

/** Something did not happen in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The outcome of `work`, or a DeadlineError after `milliseconds`; `work` itself runs on. */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number, what: string): Promise<T> {
  const timer = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new DeadlineError(`${what} took more than ${milliseconds / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

/**
 * Calls `attempt` until it gives a value, `pauseMs` apart.
 * @throws the last error of `attempt` once `deadlineMs` are over, or at once when `isFinal(error)`.
 */
export async function retryUntil<T>(
  attempt: () => Promise<T>,
  {
    deadlineMs,
    pauseMs,
    isFinal,
  }: { deadlineMs: number; pauseMs: number; isFinal?: (error: unknown) => boolean },
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isFinal?.(error) || Date.now() + pauseMs > end) throw error;
      await sleep(pauseMs);
    }
  }
}
