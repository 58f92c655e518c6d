/** Waiting until nothing is to be expected any more. What is not there by then is a violation. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KnownJob, Operator } from './operator';
import type { OperatorClient } from './operator-client';

const LOOK_EVERY_MS = 5_000;
/** A continuous job that has heard nothing looks by itself every 5 minutes. */
const FOLLOWED_WITHIN_MS = 420_000;
const ENDED_WITHIN_MS = 600_000;

type Say = (line: string) => void;

/**
 * Waits until the open continuous jobs have launched all who are in their groups, and nobody who has left is QUEUED.
 * @returns what is not so
 */
export async function untilFollowed(client: OperatorClient, operator: Operator, say: Say): Promise<string[]> {
  const jobs = operator.openContinuousJobs();
  return until(FOLLOWED_WITHIN_MS, say, async () => {
    const behind: string[] = [];
    for (const job of jobs) behind.push(...(await notFollowed(client, operator, job)));
    return behind;
  });
}

/** Waits until no job is at work and every deletion is done. What is not by then is found by the checker. */
export async function untilEnded(client: OperatorClient, operator: Operator, say: Say): Promise<void> {
  await until(ENDED_WITHIN_MS, say, async () => {
    const open: string[] = [];
    for (const job of operator.jobs)
      if (!(await isAtItsEnd(client, job))) open.push(`job ${job.jobId} is open`);
    return open;
  });
}

async function until(limitMs: number, say: Say, look: () => Promise<string[]>): Promise<string[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const open = await look();
    if (open.length === 0 || Date.now() > deadline) return open;
    say(`${open.length} to wait for, such as: ${open[0]}`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function notFollowed(
  client: OperatorClient,
  { membership }: Operator,
  { jobId, groupName, deletedExecutions, perhapsDeleted }: KnownJob,
): Promise<string[]> {
  const members = new Set(membership.membersOf(groupName!));
  const behind: string[] = [];
  const launched = new Set<string>([...deletedExecutions.keys(), ...perhapsDeleted]);
  for await (const { thingName, status } of client.list(`/jobs/${jobId}/executions`)) {
    launched.add(thingName as string);
    if (status === 'QUEUED' && !members.has(thingName as string))
      behind.push(`job ${jobId}: ${thingName} has left its group, and is QUEUED`);
  }
  for (const name of members)
    if (!launched.has(name)) behind.push(`job ${jobId}: ${name} is in its group, and was not launched`);
  return behind;
}

async function isAtItsEnd(client: OperatorClient, { jobId, deletedAt }: KnownJob): Promise<boolean> {
  const { status, body } = await client.call('GET', `/jobs/${jobId}`);
  if (status !== 200) return true;
  const { QUEUED, IN_PROGRESS } = body.executionCounts as Record<string, number>;
  return deletedAt === undefined && body.status !== 'IN_PROGRESS' && QUEUED === 0 && IN_PROGRESS === 0;
}
