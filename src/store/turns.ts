export interface TurnsOptions {
  /** Pieces of work at the same time. */
  atOnce: number;
  /** Pieces of work that may wait. */
  waiting: number;
  /** Of one more than may wait. */
  tooMany: () => Error;
}

/**
 * Runs pieces of work a few at a time, in the order in which they came.
 * @returns what runs one; it throws `tooMany` without having begun
 */
export function createTurns({ atOnce, waiting, tooMany }: TurnsOptions) {
  const queue: (() => void)[] = [];
  let running = 0;

  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running === atOnce) {
      if (queue.length === waiting) throw tooMany();
      // Who ends hands its place over.
      await new Promise<void>((begin) => queue.push(begin));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

/**
 * One run for all who ask before it begins. Who asks while one is under way gets the next one, so that no answer is
 * older than its question.
 */
export function shared<T>(find: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;

  const begin = () => {
    next = undefined;
    const run = find();
    running = run.catch(() => undefined);
    return run;
  };
  return () => (next ??= running.then(begin));
}
