import { HAPPENS_WITHIN_MS } from './deadlines';

/** Tries until it no longer throws, or the deadline has come: then the last error is the test's failure. */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  timeoutMs = HAPPENS_WITHIN_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
