/**
 * Shares one answer between all who ask while it is being found, and for a time afterwards, so that asking often costs
 * no more than asking now and then. A failure is told to those who wait for it, and not kept.
 * @param keptMs how old an answer may be
 * @param now in ms, of a clock that is never set back
 */
export function keptFor<T>(
  keptMs: number,
  find: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let foundAt: number | undefined;

  return () => {
    const isOld = foundAt !== undefined && now() - foundAt >= keptMs;
    if (!answer || isOld) {
      foundAt = undefined;
      answer = find().then(
        (found) => {
          foundAt = now();
          return found;
        },
        (error: unknown) => {
          answer = undefined;
          throw error;
        },
      );
    }
    return answer;
  };
}
