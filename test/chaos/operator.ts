/** An operator who creates, cancels and deletes jobs and moves things about, and writes down what was accepted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperatorClient } from './operator-client';

export interface KnownJob {
  jobId: string;
  jobType: 'SNAPSHOT' | 'CONTINUOUS';
  /** Of a SNAPSHOT job: exactly these. */
  thingNames: string[];
  queuedTimeoutInMinutes: number;
  inProgressTimeoutInMinutes: number;
  /** An accepted cancellation; with force no execution may end otherwise afterwards. */
  canceled?: { force: boolean };
  /** A deletion was accepted. */
  deleted?: true;
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

export class Operator {
  readonly jobs: KnownJob[] = [];
  /** Accepted calls by what they were. */
  readonly calls: Record<string, number> = {};
  private stopped = false;
  private n = 0;

  constructor(
    private readonly client: OperatorClient,
    private readonly options: OperatorOptions,
  ) {}

  /** Acts until it is told to stop. */
  async work(): Promise<void> {
    while (!this.stopped) {
      await this.act();
      await sleep(GAP_MS * this.options.random());
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Ends the jobs that would never end by themselves. */
  async endContinuousJobs(): Promise<void> {
    for (const job of this.active('CONTINUOUS')) await this.cancel(job, false);
  }

  private async act(): Promise<void> {
    const { random } = this.options;
    const dice = random();
    if (dice < 0.45) return this.createWhenThereIsRoom('SNAPSHOT');
    if (dice < 0.55) return this.createWhenThereIsRoom('CONTINUOUS');
    if (dice < 0.75) return this.changeMembers();
    if (dice < 0.83) return this.cancel(this.oneOf(this.active('SNAPSHOT')), random() < 0.5);
    if (dice < 0.87) return this.cancel(this.oneOf(this.active('CONTINUOUS')), random() < 0.5);
    if (dice < 0.93) return this.cancelOneExecution();
    return this.delete(this.oneOf(this.jobs.filter(({ deleted }) => !deleted)));
  }

  private async createWhenThereIsRoom(jobType: KnownJob['jobType']): Promise<void> {
    if (jobType === 'CONTINUOUS' && this.active('CONTINUOUS').length >= MAX_CONTINUOUS) return;
    if ((await this.pending()) >= this.options.maxPending) return void (await sleep(GAP_MS));
    const { random, thingNames, groupNames } = this.options;
    const chosen =
      jobType === 'SNAPSHOT' ? sample(thingNames, 1 + Math.floor(random() * random() * 400), random) : [];
    const timeoutConfig = {
      queuedTimeoutInMinutes: QUEUED_TIMEOUT_MINUTES,
      inProgressTimeoutInMinutes: IN_PROGRESS_TIMEOUT_MINUTES,
    };
    const targets =
      jobType === 'SNAPSHOT' ? { thingNames: chosen } : { thingGroupNames: [this.oneOf(groupNames)!] };
    const { status, body } = await this.client.call(
      'POST',
      '/jobs',
      { name: `job ${++this.n}`, jobType, targets, timeoutConfig, document: { action: 'chaos', n: this.n } },
      { 'Idempotency-Key': `job-${this.n}` },
    );
    this.accept('create', status, [201], body);
    this.jobs.push({ jobId: body.jobId, jobType, thingNames: chosen, ...timeoutConfig });
  }

  private async changeMembers(): Promise<void> {
    const { random, thingNames, groupNames } = this.options;
    const names = sample(thingNames, 10, random);
    const cut = Math.floor(random() * names.length);
    const { status, body } = await this.client.call(
      'POST',
      `/thing-groups/${this.oneOf(groupNames)}/things`,
      { add: names.slice(0, cut), remove: names.slice(cut) },
    );
    this.accept('change members', status, [200], body);
  }

  private async cancel(job: KnownJob | undefined, force: boolean): Promise<void> {
    if (!job) return;
    const { status, body } = await this.client.call('POST', `/jobs/${job.jobId}/cancel`, {
      force,
      reasonCode: 'CHAOS',
    });
    // 409: it was done already, maybe by the attempt before, whose answer was lost.
    this.accept('cancel', status, [200, 409], body);
    job.canceled = { force: force && status === 200 };
  }

  private async cancelOneExecution(): Promise<void> {
    const job = this.oneOf(this.active('SNAPSHOT'));
    const thingName = job && this.oneOf(job.thingNames);
    if (!job || !thingName) return;
    const { status, body } = await this.client.call(
      'POST',
      `/jobs/${job.jobId}/executions/${thingName}/cancel`,
      { force: this.options.random() < 0.5 },
    );
    // 404: not launched yet; 409: at work, or at its end.
    this.accept('cancel execution', status, [200, 404, 409], body);
  }

  private async delete(job: KnownJob | undefined): Promise<void> {
    if (!job) return;
    const force = this.options.random() < 0.5;
    const { status, body } = await this.client.call('DELETE', `/jobs/${job.jobId}?force=${force}`);
    this.accept('delete', status, force ? [202, 404] : [202, 404, 409], body);
    if (status !== 409) job.deleted = true;
  }

  private accept(what: string, status: number, expected: number[], body: unknown): void {
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
    return this.jobs.filter((job) => job.jobType === jobType && !job.canceled && !job.deleted).slice(-40);
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
