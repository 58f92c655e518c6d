/** What Muster promises of one execution beside what its device reports (PROTOCOL: cancel, delete, continuous jobs). */
import type { Attempt, Transition } from './attempts';
import type { Membership, Span } from './membership';
import type { KnownJob } from './operator';
import { struckBetween, type Strike } from './strikes';

/** Beside the time in which something was struck, a change of a group has taken effect after so long. */
export const FOLLOWS_WITHIN_MS = 60_000;

export interface Surroundings {
  membership: Membership;
  strikes: readonly Strike[];
}

/** @returns what breaks a rule, in words */
export function brokenRules(
  job: KnownJob,
  thingName: string,
  attempts: readonly Attempt[],
  { membership, strikes }: Surroundings,
): string[] {
  const transitions = attempts.flatMap((attempt) => attempt.transitions);
  const broken = [
    ...ofCancellation(job, transitions),
    ...ofOneCancellation(job, thingName, transitions),
    ...(job.jobType === 'SNAPSHOT'
      ? ofSnapshot(attempts)
      : ofMembership(job, attempts, membership.of(job.groupName!, thingName), strikes)),
  ];
  // What stood before a record was deleted is not known any more.
  return job.deletedExecutions.has(thingName) && job.jobType === 'CONTINUOUS' ? [] : broken;
}

function ofCancellation({ canceledAt, forcedAt }: KnownJob, transitions: readonly Transition[]): string[] {
  const late = (wanted: (transition: Transition) => boolean, since = Infinity) =>
    transitions.find((transition) => Date.parse(transition.at) > since && wanted(transition));
  const launched = late(({ from }) => from === null, canceledAt);
  const started = late(({ from, to }) => from === 'QUEUED' && to === 'IN_PROGRESS', canceledAt);
  const reported = late(({ by }) => by === 'device', forcedAt);
  return [
    ...(launched ? [`was launched after its job was canceled: ${JSON.stringify(launched)}`] : []),
    ...(started ? [`was started after its job was canceled: ${JSON.stringify(started)}`] : []),
    ...(reported ? [`went on after its job was stopped with force: ${JSON.stringify(reported)}`] : []),
  ];
}

function ofOneCancellation(
  { jobType, canceledExecutions }: KnownJob,
  thingName: string,
  transitions: readonly Transition[],
): string[] {
  const at = canceledExecutions.get(thingName);
  const last = transitions.at(-1)!;
  if (at === undefined || jobType === 'CONTINUOUS' || last.to === 'CANCELED') return [];
  return [`was canceled, and is ${last.to}`];
}

function ofSnapshot(attempts: readonly Attempt[]): string[] {
  return attempts.length === 1 ? [] : [`has ${attempts.length} attempts in a SNAPSHOT job`];
}

/** One attempt for each time that a thing has come, none while it is away, and one more when it comes back after an end. */
function ofMembership(
  { createdAt, canceledAt = Infinity }: KnownJob,
  attempts: readonly Attempt[],
  changes: readonly (Span & { joined: boolean })[],
  strikes: readonly Strike[],
): string[] {
  const broken: string[] = [];
  const follows = (since: number, until: number) =>
    until > since + FOLLOWS_WITHIN_MS + struckBetween(strikes, since, until);
  const comings = changes.filter(({ joined }) => joined);
  const before = changes.filter(({ to }) => to < createdAt.from).at(-1);
  const allowed = (before?.joined ? 1 : 0) + comings.filter(({ to }) => to >= createdAt.from).length;
  if (attempts.length > allowed)
    broken.push(`has ${attempts.length} attempts, and has come ${allowed} times`);

  for (const [i, { joined, from, to }] of changes.entries()) {
    const next = changes[i + 1]?.from ?? Infinity;
    if (!joined) {
      const outside = attempts.find(({ launchedAt }) => launchedAt < next && follows(to, launchedAt));
      if (outside) broken.push(`attempt ${outside.number} was launched while it was outside of the group`);
      const queued = attempts.find(
        ({ launchedAt, transitions }) =>
          launchedAt < from && isQueued(transitions, to, Math.min(next, canceledAt), follows),
      );
      if (queued) broken.push(`attempt ${queued.number} stayed QUEUED after it had left the group`);
      continue;
    }
    const left = changes[i - 1];
    // A job that looked only after both has seen no change.
    if (!left || left.from < createdAt.to || !follows(left.to, from)) continue;
    const earlier = attempts.filter(({ launchedAt }) => launchedAt < from).at(-1);
    const later = attempts.find(({ launchedAt }) => launchedAt >= from && launchedAt < next);
    if (earlier && earlier.endedAt < from && !later && follows(to, Math.min(next, canceledAt)))
      broken.push(`came back after attempt ${earlier.number} had ended, and got no new one`);
    if (earlier && earlier.endedAt > next && later)
      broken.push(`came back while it was still at work, and got attempt ${later.number}`);
  }
  return broken;
}

/** Whether an attempt was QUEUED for all the time in which it was to be removed. */
function isQueued(
  transitions: readonly Transition[],
  since: number,
  until: number,
  follows: (since: number, until: number) => boolean,
): boolean {
  const left = transitions.find(({ to }) => to !== 'QUEUED');
  const leftAt = left ? Date.parse(left.at) : Infinity;
  return leftAt > since && follows(since, Math.min(leftAt, until));
}
