import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from './bodies';
import { Unreachable, segment, type MusterClient } from './client';
import { Failure } from './failures';
import { printJson } from './output';
import { isOver, LiveLine, renderProgress, statusInWords } from './progress';

const POLL_MS = 1_000;
/** For so long a watch puts up with a server that is being restarted. */
const PATIENCE_MS = 60_000;
/** A job with one of these has not done what was asked of it. */
const MISSED = ['FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED'] as const;

/**
 * Shows the progress of a job until it is at an end.
 * @throws Failure when it is canceled or deleted, or did not succeed on every thing.
 */
export async function watchJob(client: MusterClient, jobId: string, json = false): Promise<void> {
  const line = new LiveLine();
  try {
    const job = await followJob(client, jobId, (text) => !json && line.show(text));
    line.end();
    if (json) printJson(job);
    judge(job);
  } finally {
    line.end();
  }
}

/**
 * Polls a job, showing each state, until it is at an end.
 * @throws Unreachable when the server stays away for a minute, AbortError when the signal says to stop.
 */
export async function followJob(
  client: MusterClient,
  jobId: string,
  show: (text: string) => void,
  signal?: AbortSignal,
): Promise<Job> {
  let heardAt = Date.now();
  for (;;) {
    try {
      const job = await client.get<Job>(`/jobs/${segment(jobId)}`);
      heardAt = Date.now();
      show(renderProgress(job));
      if (isOver(job)) return job;
    } catch (error) {
      if (!(error instanceof Unreachable) || Date.now() - heardAt > PATIENCE_MS) throw error;
      show('The server does not answer; trying again.');
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function judge(job: Job): void {
  const { jobId, status, executionCounts } = job;
  if (status !== 'COMPLETED') throw new Failure(`Job ${jobId} is ${statusInWords(job)}.`);
  const missed = MISSED.filter((one) => executionCounts[one]).map((one) => `${executionCounts[one]} ${one}`);
  if (missed.length > 0)
    throw new Failure(`Job ${jobId} is COMPLETED, but not everywhere: ${missed.join(', ')}.`);
}
