/** What has to be done now and then: a fault is logged, and the next time comes all the same. */
import type { Logger } from 'pino';
import { MINUTE, SECOND } from '../domain/limits';
import type { Db } from '../store/database';
import { sweepEvents } from '../store/events';
import { createProgressSampler } from '../store/progress';
import { sweepSessions } from '../store/sessions';

interface Chore {
  what: string;
  everyMs: number;
  run(): Promise<void>;
}

export interface RunningChores {
  /** Resolves when what is under way is done. */
  stop(): Promise<void>;
}

/** Several processes may do the same chores on one store. */
export function startChores({ db, log }: { db: Db; log: Logger }): RunningChores {
  const sample = createProgressSampler(db);
  const chores: Chore[] = [
    { what: 'noting the progress of jobs', everyMs: 5 * SECOND, run: () => sample(Date.now()) },
    { what: 'deleting old events', everyMs: MINUTE, run: () => sweepEvents(db) },
    { what: 'deleting sessions that have ended', everyMs: MINUTE, run: () => sweepSessions(db, Date.now()) },
  ];
  const running = chores.map((chore) => repeat(chore, log));
  return {
    async stop() {
      await Promise.all(running.map((stop) => stop()));
    },
  };
}

/** The next time begins so long after the last one has ended. @returns how to stop it */
function repeat(chore: Chore, log: Logger): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout;
  let underWay = Promise.resolve();
  const wait = () => {
    timer = setTimeout(() => {
      underWay = chore
        .run()
        .catch((error: unknown) => log.warn({ err: error }, `A chore failed: ${chore.what}.`))
        .then(() => {
          if (!stopped) wait();
        });
    }, chore.everyMs);
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
    return underWay;
  };
}
