/** How long devices wait for their answers: idle, at half of the most, and while a large job is launched or canceled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCeiling } from './ceiling/ceiling';
import { Generator } from './generator';
import type { LoadReport } from './load';
import type { Row, Scale } from './scale';
import { startSubject, type Subject } from './subject';
import { untilAll } from './wait';

const ASKERS = 100;
/** Of the jobs at half the ceiling, so that most of what they cost are executions. */
const THINGS_PER_JOB = 10;
const GETS_PER_SECOND = 20;
/** Executions a second that are next to nothing. */
const IDLE_PER_SECOND = 2;
/** Most; where the large job is smaller, as many as that has. */
const CEILING_DEVICES = 1_000;

interface Job {
  jobId: string;
}

export async function measureLatency(scale: Scale) {
  const subject = await startSubject();
  const generator = new Generator();
  const result: Record<string, LoadReport['latencies']> = {};
  try {
    const most = await ceilingNow(subject, scale.latencyJob);
    const askers = await subject.register('asker', ASKERS);
    await subject.register('away', scale.latencyJob);
    await generator.connect(subject.broker, askers);
    const names = askers.map(({ thingName }) => thingName);
    const measure = async (
      until: Promise<unknown>,
      executionsPerSecond = IDLE_PER_SECOND,
      thingsPerJob = 1,
    ) => {
      await generator.reset();
      await generator.ask(GETS_PER_SECOND);
      const feeding = feed(subject, names, executionsPerSecond, thingsPerJob);
      await until;
      await feeding.stop();
      await generator.ask(0);
      return (await generator.report()).latencies;
    };
    await measure(sleep(2_000));
    result.idle = await measure(sleep(scale.measuredMs));
    result.half = await measure(sleep(scale.measuredMs), most / 2, THINGS_PER_JOB);
    const large = await createLarge(subject, scale.latencyJob);
    result.launching = await measure(untilAll(subject, large.jobId, 'QUEUED', scale.latencyJob));
    await subject.call('POST', `/jobs/${large.jobId}/cancel`, {});
    result.canceling = await measure(untilAll(subject, large.jobId, 'CANCELED', scale.latencyJob));
  } finally {
    generator.stop();
    await subject.stop();
  }
  return { title: `Devices wait for their answer`, rows: tell(result, scale), result };
}

/** Devices a second. */
async function ceilingNow(subject: Subject, latencyJob: number): Promise<number> {
  const ceiling = await startCeiling(subject);
  const devices = Math.min(CEILING_DEVICES, latencyJob);
  await ceiling.run(devices);
  const { devicesPerSecond } = await ceiling.run(devices);
  await ceiling.stop();
  return devicesPerSecond;
}

/** Small jobs at a steady rate: each thing answers with one start-next and one update. */
function feed(subject: Subject, names: string[], executionsPerSecond: number, thingsPerJob: number) {
  let n = 0;
  const under = new Set<Promise<unknown>>();
  const timer = setInterval(
    () => {
      const thingNames = Array.from({ length: thingsPerJob }, () => names[n++ % names.length]);
      const creating = subject
        .call('POST', '/jobs', { targets: { thingNames }, document: { n } })
        .finally(() => under.delete(creating));
      under.add(creating);
    },
    (1000 * thingsPerJob) / executionsPerSecond,
  );
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(under);
    },
  };
}

/** On things whose devices are away. */
async function createLarge(subject: Subject, things: number): Promise<Job> {
  await subject.call('POST', '/thing-groups', { name: 'away' });
  const add = Array.from({ length: things }, (_, i) => `away-${i}`);
  await subject.call('POST', '/thing-groups/away/things', { add });
  return subject.call<Job>('POST', '/jobs', { targets: { thingGroupNames: ['away'] }, document: {} });
}

function tell(result: Record<string, LoadReport['latencies']>, { latencyJob }: Scale): Row[] {
  const titles: Record<string, string> = {
    idle: 'idle',
    half: 'at half the ceiling',
    launching: `while ${latencyJob} are launched`,
    canceling: `while ${latencyJob} are canceled`,
  };
  return Object.entries(result).flatMap(([name, latencies]) =>
    Object.entries(latencies)
      .filter(([, { n }]) => n > 0)
      .map(([action, { n, p50, p95, p99 }], i) => ({
        what: i === 0 ? (titles[name] ?? name) : '',
        value: `${action}: p99 ${p99.toFixed(0)} ms`,
        note: `p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, of ${n}`,
      })),
  );
}
