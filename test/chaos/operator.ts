/**
 * An operator who creates, cancels, stops and deletes jobs and executions and moves things in and out of groups, and
 * writes down what was accepted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Membership, type Span } from './membership';
import type { FinalAnswer, OperatorClient } from './operator-client';

export interface KnownJob {
  jobId: string;
  jobType: 'SNAPSHOT' | 'CONTINUOUS';
  createdAt: Span;
  /** Of a SNAPSHOT job: exactly these. */
  thingNames: string[];
  /** Of a CONTINUOUS job. */
  groupName?: string;
  queuedTimeoutInMinutes: number;
  inProgressTimeoutInMinutes: number;
  /** When a cancellation was answered; nothing is launched or started after it. */
  canceledAt?: number;
  /** When a cancellation with force was answered; no device reports anything after it. */
  forcedAt?: number;
  /** When a deletion was answered. */
  deletedAt?: number;
  /** When the cancellation of one execution was answered, by thing. */
  canceledExecutions: Map<string, number>;
  /** The same of records that were deleted. */
  deletedExecutions: Map<string, number>;
  /** Records that were deleted or never there: the answer that would tell was lost. */
  perhapsDeleted: Set<string>;
}

/** A job of which nothing is known but that it was accepted. */
export function newJob(
  job: Omit<KnownJob, 'canceledExecutions' | 'deletedExecutions' | 'perhapsDeleted'>,
): KnownJob {
  return { ...job, canceledExecutions: new Map(), deletedExecutions: new Map(), perhapsDeleted: new Set() };
}

export interface OperatorOptions {
  thingNames: readonly string[];
  groupNames: readonly string[];
  /** No job is created while so many executions are pending. */
  maxPending: number;
  random: () => number;
}

const GAP_MS = 400;
const MAX_CONTINUOUS = 3;
/** Longer than anything that goes wrong lasts, so that who can work, works. */
const QUEUED_TIMEOUT_MINUTES = 4;
const IN_PROGRESS_TIMEOUT_MINUTES = 3;
/** Things that leave and come back together. */
const PARTY = 30;
/** Some come back before anybody has looked, some long after their attempt has ended. */
const AWAY_MS = [500, 5_000, 90_000];

export class Operator {
  readonly jobs: KnownJob[] = [];
  readonly membership = new Membership();
  /** Accepted calls by what they were. */
  readonly calls: Record<string, number> = {};
  /** Answers that can't be. */
  readonly violations: string[] = [];
  /** Things that have left a group for a while. */
  private away: { groupName: string; names: string[]; until: number }[] = [];
  private stopped = false;
  private n = 0;

  constructor(
    private readonly client: OperatorClient,
    private readonly options: OperatorOptions,
  ) {}

  /** Acts until it is told to stop. */
  async work(): Promise<void> {
    for (const groupName of this.options.groupNames)
      await this.changeMembers(groupName, {
        add: this.sampleThings(this.options.thingNames.length / 3),
        remove: [],
      });
    while (!this.stopped) {
      await this.act();
      await sleep(GAP_MS * this.options.random());
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Those that would never end by themselves. */
  openContinuousJobs(): KnownJob[] {
    return this.active('CONTINUOUS');
  }

  async endContinuousJobs(): Promise<void> {
    for (const job of this.openContinuousJobs()) await this.cancel(job, false);
  }

  private async act(): Promise<void> {
    const { random, groupNames } = this.options;
    const back = this.away.find(({ until }) => until <= Date.now());
    if (back) return this.comeBack(back);
    const dice = random();
    if (dice < 0.36) return this.createWhenThereIsRoom('SNAPSHOT');
    if (dice < 0.46) return this.createWhenThereIsRoom('CONTINUOUS');
    if (dice < 0.6) return this.moveMembers();
    if (dice < 0.65) return this.leaveForAWhile(this.oneOf(groupNames)!);
    if (dice < 0.72) return this.cancel(this.oneOf(this.active('SNAPSHOT')), random() < 0.5);
    if (dice < 0.75) return this.cancel(this.oneOf(this.active('CONTINUOUS')), random() < 0.5);
    if (dice < 0.81) return this.raise();
    if (dice < 0.88) return this.cancelOneExecution();
    if (dice < 0.93) return this.deleteOneExecution();
    return this.delete(this.oneOf(this.jobs.filter(({ deletedAt }) => !deletedAt)));
  }

  private async createWhenThereIsRoom(jobType: KnownJob['jobType']): Promise<void> {
    if (jobType === 'CONTINUOUS' && this.active('CONTINUOUS').length >= MAX_CONTINUOUS) return;
    if ((await this.pending()) >= this.options.maxPending) return void (await sleep(GAP_MS));
    const { random, groupNames } = this.options;
    const thingNames = jobType === 'SNAPSHOT' ? this.sampleThings(1 + random() * random() * 400) : [];
    const groupName = jobType === 'SNAPSHOT' ? undefined : this.oneOf(groupNames)!;
    const timeoutConfig = {
      queuedTimeoutInMinutes: QUEUED_TIMEOUT_MINUTES,
      inProgressTimeoutInMinutes: IN_PROGRESS_TIMEOUT_MINUTES,
    };
    const targets = groupName === undefined ? { thingNames } : { thingGroupNames: [groupName] };
    const answer = await this.client.call(
      'POST',
      '/jobs',
      { name: `job ${++this.n}`, jobType, targets, timeoutConfig, document: { action: 'chaos', n: this.n } },
      { 'Idempotency-Key': `job-${this.n}` },
    );
    this.accept('create', answer, [201]);
    const { jobId } = answer.body as { jobId: string };
    this.jobs.push(
      newJob({ jobId, jobType, createdAt: answer.span, thingNames, groupName, ...timeoutConfig }),
    );
    // While it is being launched.
    if (groupName !== undefined && random() < 0.6) await this.leaveForAWhile(groupName);
  }

  private async moveMembers(): Promise<void> {
    const { random, groupNames } = this.options;
    const names = this.sampleThings(10);
    const cut = Math.floor(random() * names.length);
    await this.changeMembers(this.oneOf(groupNames)!, { add: names.slice(0, cut), remove: names.slice(cut) });
  }

  private async leaveForAWhile(groupName: string): Promise<void> {
    const names = sample(this.membership.membersOf(groupName), PARTY, this.options.random);
    if (names.length === 0) return;
    await this.changeMembers(groupName, { add: [], remove: names });
    const until = Date.now() + this.oneOf(AWAY_MS)! * this.options.random();
    this.away.push({ groupName, names, until });
  }

  private async comeBack(party: { groupName: string; names: string[] }): Promise<void> {
    this.away = this.away.filter((one) => one !== party);
    // Somebody new comes along.
    await this.changeMembers(party.groupName, {
      add: [...party.names, this.oneOf(this.options.thingNames)!],
      remove: [],
    });
  }

  private async changeMembers(groupName: string, change: { add: string[]; remove: string[] }): Promise<void> {
    const unique = { add: [...new Set(change.add)], remove: change.remove };
    const answer = await this.client.call('POST', `/thing-groups/${groupName}/things`, unique);
    this.accept('change members', answer, [200]);
    this.membership.note(groupName, unique, answer.span);
  }

  private async cancel(job: KnownJob | undefined, force: boolean): Promise<void> {
    if (!job) return;
    const answer = await this.client.call('POST', `/jobs/${job.jobId}/cancel`, {
      force,
      reasonCode: 'CHAOS',
    });
    // 409: it was done already, maybe by the try before, whose answer was lost.
    this.accept('cancel', answer, [200, 409]);
    job.canceledAt = answer.span.to;
    if (force && answer.status === 200) job.forcedAt = answer.span.to;
  }

  /** A cancellation without force is made one with force, while some are still at work. */
  private async raise(): Promise<void> {
    const job = this.oneOf(
      this.jobs.filter((one) => one.canceledAt && !one.forcedAt && !one.deletedAt).slice(-10),
    );
    if (!job) return;
    const answer = await this.client.call('POST', `/jobs/${job.jobId}/cancel`, {
      force: true,
      reasonCode: 'RAISED',
    });
    this.accept(answer.status === 200 ? 'raise' : 'raise in vain', answer, [200, 409]);
    if (answer.status === 200) job.forcedAt = answer.span.to;
    else if (answer.atOnce) await this.requireNothingAtWork(job);
  }

  /** Nothing of a canceled job starts any more: what is at work now was so when it was refused to be stopped. */
  private async requireNothingAtWork({ jobId }: KnownJob): Promise<void> {
    const { body } = await this.client.call('GET', `/jobs/${jobId}`);
    const { IN_PROGRESS: atWork } = body.executionCounts as Record<string, number>;
    if (atWork) this.violations.push(`job ${jobId}: ${atWork} were at work, and were refused to be stopped`);
  }

  private async cancelOneExecution(): Promise<void> {
    const found = this.oneExecution(this.active('SNAPSHOT'));
    if (!found) return;
    const { job, thingName, path } = found;
    const answer = await this.client.call('POST', `${path}/cancel`, { force: this.options.random() < 0.5 });
    // 404: not launched yet; 409: at work, or at its end.
    this.accept('cancel execution', answer, [200, 404, 409]);
    if (answer.status === 200) job.canceledExecutions.set(thingName, answer.span.to);
  }

  private async deleteOneExecution(): Promise<void> {
    const found = this.oneExecution(this.jobs.filter(({ deletedAt }) => !deletedAt).slice(-40));
    if (!found) return;
    const { job, thingName, path } = found;
    const answer = await this.client.call('DELETE', `${path}?force=${this.options.random() < 0.5}`);
    this.accept('delete execution', answer, [204, 404, 409]);
    if (answer.status === 204) job.deletedExecutions.set(thingName, answer.span.to);
    else if (answer.status === 404 && !answer.atOnce) job.perhapsDeleted.add(thingName);
  }

  private async delete(job: KnownJob | undefined): Promise<void> {
    if (!job) return;
    const force = this.options.random() < 0.5;
    const answer = await this.client.call('DELETE', `/jobs/${job.jobId}?force=${force}`);
    this.accept('delete', answer, force ? [202, 404] : [202, 404, 409]);
    if (answer.status !== 409) job.deletedAt = answer.span.to;
  }

  private accept(what: string, { status, body }: FinalAnswer, expected: number[]): void {
    if (!expected.includes(status)) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
    this.calls[what] = (this.calls[what] ?? 0) + 1;
  }

  /** Of a SNAPSHOT job also what is not launched yet: else there would be room for ever more while nothing is. */
  private async pending(): Promise<number> {
    let pending = 0;
    for await (const { jobType, targets, executionCounts } of this.client.list('/jobs?status=IN_PROGRESS')) {
      const { QUEUED, IN_PROGRESS, ...ended } = executionCounts as Record<string, number>;
      const launched = QUEUED! + IN_PROGRESS!;
      pending += jobType === 'SNAPSHOT' ? targets.thingCount - sum(Object.values(ended)) : launched;
    }
    return pending;
  }

  private active(jobType: KnownJob['jobType']): KnownJob[] {
    return this.jobs.filter((job) => job.jobType === jobType && !job.canceledAt && !job.deletedAt).slice(-40);
  }

  private oneExecution(jobs: readonly KnownJob[]) {
    const job = this.oneOf(jobs);
    const thingName =
      job && this.oneOf(job.groupName === undefined ? job.thingNames : this.options.thingNames);
    return job && thingName && { job, thingName, path: `/jobs/${job.jobId}/executions/${thingName}` };
  }

  private sampleThings(count: number): string[] {
    return sample(this.options.thingNames, Math.floor(count), this.options.random);
  }

  private oneOf<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.options.random() * items.length)];
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

function sample<T>(items: readonly T[], count: number, random: () => number): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(random() * left.length), 1),
  ).flat();
}
