/** What has to be done now and then: a fault is logged, and the next time comes all the same. */
import type { Logger } from 'pino';
import type { JobCommands } from '../api/job-commands';
import { MusterError } from '../contract/errors';
import { MINUTE, SECOND } from '../domain/limits';
import type { Db } from '../store/database';
import { sweepEvents } from '../store/events';
import { countDeletions, findEndedJobs, trimMembershipLog } from '../store/retention';
import { createProgressSampler } from '../store/progress';
import { sweepSessions } from '../store/sessions';

const DAY = 24 * 60 * MINUTE;
/** Jobs read the log within minutes; this is for one that was away with all of Muster, or is restored. */
const LOG_KEPT_MS = 7 * DAY;
/** Each goes through its records in small steps. */
const DELETIONS_AT_ONCE = 5;

interface Chore {
  what: string;
  everyMs: number;
  run(): Promise<void>;
}

export interface RunningChores {
  /** Resolves when what is under way is done. */
  stop(): Promise<void>;
}

export interface ChoreDeps {
  db: Db;
  log: Logger;
  commands: Pick<JobCommands, 'delete'>;
  /** Jobs that ended longer ago are deleted; none where it is left out. */
  retentionDays?: number;
}

/** Several processes may do the same chores on one store. */
export function startChores({ db, log, commands, retentionDays }: ChoreDeps): RunningChores {
  const sample = createProgressSampler(db);
  const chores: Chore[] = [
    { what: 'noting the progress of jobs', everyMs: 5 * SECOND, run: () => sample(Date.now()) },
    { what: 'deleting old events', everyMs: MINUTE, run: () => sweepEvents(db) },
    {
      what: 'trimming the membership log',
      everyMs: MINUTE,
      run: () => trimMembershipLog(db, Date.now() - LOG_KEPT_MS),
    },
    { what: 'deleting sessions that have ended', everyMs: MINUTE, run: () => sweepSessions(db, Date.now()) },
  ];
  if (retentionDays !== undefined) {
    const run = () => deleteEndedJobs(db, commands, Date.now() - retentionDays * DAY);
    chores.push({ what: 'deleting jobs that ended long ago', everyMs: 5 * SECOND, run });
  }
  const running = chores.map((chore) => repeat(chore, log));
  return {
    async stop() {
      await Promise.all(running.map((stop) => stop()));
    },
  };
}

/** By the ordinary deletion. Another process may be at the same job: it is one workflow, which both begin. */
async function deleteEndedJobs(
  db: Db,
  commands: Pick<JobCommands, 'delete'>,
  endedBefore: number,
): Promise<void> {
  const room = Math.max(0, DELETIONS_AT_ONCE - (await countDeletions(db)));
  for (const jobId of await findEndedJobs(db, endedBefore, room)) {
    await commands.delete(jobId, { by: 'retention', force: false }).catch(ignoreGone);
  }
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof MusterError && error.code === 'JobNotFound')) throw error;
}

/** The next time begins so long after the last one has ended. @returns how to stop it */
function repeat(chore: Chore, log: Logger): () => Promise<void> {
  let stopped = false;
  let failing = false;
  let timer: NodeJS.Timeout;
  let underWay = Promise.resolve();
  const ended = (error?: unknown) => {
    // Once, however long it lasts.
    if (error !== undefined && !failing)
      log.warn({ err: error }, `A chore fails, and is tried again: ${chore.what}.`);
    failing = error !== undefined;
    if (!stopped) wait();
  };
  const wait = () => {
    timer = setTimeout(() => {
      underWay = chore.run().then(() => ended(), ended);
    }, chore.everyMs);
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
    return underWay;
  };
}
