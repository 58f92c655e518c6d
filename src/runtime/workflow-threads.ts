/** The threads in which the SDK executes workflow code: what they begin with, and whether they still run. */
import path from 'node:path';
import threads from 'node:worker_threads';
import { DIST } from './dist';

/** A thread needs compiled code, also where this file is run from its source. */
const SET_UP = path.join(
  __filename.endsWith('.js') ? __dirname : path.join(DIST, 'src/runtime'),
  'workflow-thread.js',
);

export const BEAT_EVERY_MS = 1_000;
/** The SDK's own limit for an entry is 5 s, Temporal's for a workflow task 10 s. */
const STUCK_AFTER_MS = 30_000;

export interface WatchedThreads<T> {
  made: T;
  /** Never resolves; rejects when one of them has not come back from workflow code for 30 s. */
  readonly stuck: Promise<never>;
  stopWatching(): void;
}

/**
 * Has every thread that is started during `make` begin with the set-up. The SDK has no option for it.
 * @param stuckAfterMs a test lowers it
 */
export async function withWorkflowThreads<T>(
  make: () => Promise<T>,
  stuckAfterMs = STUCK_AFTER_MS,
): Promise<WatchedThreads<T>> {
  const { Worker } = threads;
  const started: Int32Array[] = [];
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: threads.WorkerOptions = {}) {
      const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      // Without the process's own flags, some of which a thread must not be given.
      super(file, { ...options, execArgv: ['--require', SET_UP], workerData: { beats } });
      started.push(beats);
    }
  };
  try {
    return { made: await make(), ...watch(started, stuckAfterMs) };
  } finally {
    threads.Worker = Worker;
  }
}

/** Counts looks and not time, so that a process that stood still as a whole is not taken for stuck. */
function watch(started: Int32Array[], stuckAfterMs: number): Omit<WatchedThreads<unknown>, 'made'> {
  const silent = started.map(() => 0);
  const heard = started.map(() => -1);
  let looking: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    looking = setInterval(() => {
      started.forEach((beats, i) => {
        const now = Atomics.load(beats, 0);
        silent[i] = now === heard[i] ? (silent[i] ?? 0) + 1 : 0;
        heard[i] = now;
      });
      if (silent.some((looks) => looks * BEAT_EVERY_MS >= stuckAfterMs))
        reject(new Error(`Workflow code has not come back for ${stuckAfterMs / 1000} s.`));
    }, BEAT_EVERY_MS).unref();
  });
  // Somebody may look at it only later.
  stuck.catch(() => undefined);
  return { stuck, stopWatching: () => clearInterval(looking) };
}
