/** Many things, many executions that wait for devices that are away: what it costs to do nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Generator } from './generator';
import type { Row, Scale } from './scale';
import { meterCpu, residentMib } from './processes';
import { latency, type Latency } from './statistics';
import { startSubject, type Subject } from './subject';
import { untilAll } from './wait';

const CALLS = 200;
const THINGS_PER_JOB = 10_000;
const ASKERS = 50;
const GETS_PER_SECOND = 20;

interface Job {
  jobId: string;
}

export async function measureStandingLoad({ registered, waiting, measuredMs }: Scale) {
  const before = await startSubject();
  await before.register('thing', registered);
  const jobs: Job[] = [];
  for (let from = 0; from < waiting; from += THINGS_PER_JOB) {
    const count = Math.min(THINGS_PER_JOB, waiting - from);
    const thingNames = Array.from({ length: count }, (_, i) => `thing-${from + i}`);
    const job = await before.call<Job>('POST', '/jobs', { targets: { thingNames }, document: {} });
    jobs.push(job);
    await untilAll(before, job.jobId, 'QUEUED', count);
  }
  const { dataDir } = before;
  await before.stop({ keep: true });

  const subject = await startSubject(dataDir);
  const generator = new Generator();
  try {
    const askers = await subject.register('asker', ASKERS);
    await generator.connect(subject.broker, askers);
    // After a start Temporal looks once more through the tasks of the last minutes.
    await sleep(measuredMs);
    const cpu = meterCpu(subject.pids());
    await sleep(measuredMs);
    const idle = cpu();
    const lists = {
      'GET /jobs': await time(subject, '/jobs'),
      'GET …/executions': await time(subject, `/jobs/${jobs[0]!.jobId}/executions?status=QUEUED`),
      'GET /things': await time(subject, '/things?name=thing-9'),
    };
    await generator.reset();
    await generator.ask(GETS_PER_SECOND);
    await sleep((1000 * CALLS) / GETS_PER_SECOND);
    const get = (await generator.ask(0)).latencies.get;
    const { muster, temporal } = subject.pids();
    const result = {
      readySeconds: subject.startSeconds,
      idleCores: { muster: idle.muster / (measuredMs / 1000), temporal: idle.temporal / (measuredMs / 1000) },
      memoryMib: { muster: residentMib(muster), temporal: residentMib(temporal) },
      lists,
      get,
    };
    return {
      title: `Standing load: ${registered} things, ${waiting} executions queued`,
      rows: tell(result),
      result,
    };
  } finally {
    generator.stop();
    await subject.stop();
  }
}

async function time(subject: Subject, apiPath: string): Promise<Latency> {
  const times: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const began = performance.now();
    await subject.call('GET', apiPath);
    times.push(performance.now() - began);
  }
  return latency(times);
}

function tell(result: {
  readySeconds: number;
  idleCores: Record<string, number>;
  memoryMib: Record<string, number>;
  lists: Record<string, Latency>;
  get: Latency;
}): Row[] {
  const { idleCores, memoryMib } = result;
  return [
    { what: 'from cold start to ready', value: `${result.readySeconds.toFixed(1)} s` },
    {
      what: 'memory',
      value: `Muster ${memoryMib.muster?.toFixed(0)} MiB`,
      note: `Temporal ${memoryMib.temporal?.toFixed(0)} MiB`,
    },
    {
      what: 'idle CPU',
      value: `Muster ${(100 * (idleCores.muster ?? NaN)).toFixed(1)} %`,
      note: `Temporal ${(100 * (idleCores.temporal ?? NaN)).toFixed(1)} % of a core`,
    },
    ...Object.entries({ ...result.lists, 'device get': result.get }).map(([what, { p50, p99 }]) => ({
      what,
      value: `p99 ${p99.toFixed(0)} ms`,
      note: `p50 ${p50.toFixed(0)} ms`,
    })),
  ];
}
