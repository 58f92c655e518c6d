/** Whole jobs of several sizes, each several times, on one warm Muster. */
import { ceilingFor, type Ceiling } from './ceiling/ceiling';
import { Generator } from './generator';
import { historyCost } from './history';
import type { Row, Scale } from './main';
import { residentMib } from './processes';
import { spread } from './statistics';
import { startSubject } from './subject';
import { runWholeJob, type WholeJob } from './whole-jobs';

/** Histories looked into for each size. */
const SAMPLE = 20;
/** A size above this is measured once: it is long enough to even out. */
const ONCE_ABOVE = 1_000;

export async function measureJobs(scale: Scale, ceilings: Ceiling[]) {
  const rows: Row[] = [];
  const result: (WholeJob & { history: Awaited<ReturnType<typeof historyCost>> })[] = [];
  for (const things of scale.jobs) {
    const subject = await startSubject();
    const generator = new Generator();
    try {
      const group = 'bench';
      const members = await subject.register('bench', things);
      const names = members.map(({ thingName }) => thingName);
      await subject.call('POST', '/thing-groups', { name: group });
      for (let i = 0; i < names.length; i += 10_000)
        await subject.call('POST', `/thing-groups/${group}/things`, { add: names.slice(i, i + 10_000) });
      await generator.connect(subject.broker, members);
      if (things <= ONCE_ABOVE) await runWholeJob(subject, generator, group, things);
      const repeats = things > ONCE_ABOVE ? 1 : scale.repeats;
      const runs: WholeJob[] = [];
      for (let i = 0; i < repeats; i++) runs.push(await runWholeJob(subject, generator, group, things));
      const median = runs.sort((one, other) => one.seconds - other.seconds)[Math.floor(runs.length / 2)]!;
      const { items } = await subject.call<{ items: { jobId: string }[] }>('GET', '/jobs?limit=1');
      const history = await historyCost(
        subject.temporalAddress,
        names.slice(0, SAMPLE).map((thingName) => ({ jobId: items[0]!.jobId, thingName })),
      );
      result.push({ ...median, history });
      rows.push(...tell(median, history, runs, ceilings, residentMib(subject.pids().muster)));
    } finally {
      generator.stop();
      await subject.stop();
    }
  }
  return { title: 'Whole jobs: POST to COMPLETED, devices that answer at once', rows, result };
}

function tell(
  job: WholeJob,
  history: Awaited<ReturnType<typeof historyCost>>,
  runs: WholeJob[],
  ceilings: Ceiling[],
  memoryMib: number,
): Row[] {
  const { min, max } = spread(runs.map(({ seconds }) => seconds));
  const ratio = job.devicesPerSecond / ceilingFor(job.things, ceilings).devicesPerSecond.median;
  const { muster, temporal, load } = job.cpuMs;
  const { update } = job.load.latencies;
  return [
    {
      what: `${job.things} things`,
      value: `${job.seconds.toFixed(1)} s`,
      note: `${min.toFixed(1)}–${max.toFixed(1)} s in ${runs.length}; ${job.devicesPerSecond.toFixed(1)} devices/s, ${ratio.toFixed(2)} of the ceiling`,
    },
    {
      what: '  notified',
      value: `${job.firstNotified.toFixed(2)} s`,
      note: `the first; the last after ${job.lastNotified.toFixed(2)} s`,
    },
    {
      what: '  progress',
      value: `${job.behind} behind`,
      note: 'reports that were accepted and not in the counts of GET /jobs/{jobId} yet, at most',
    },
    {
      what: '  CPU per execution',
      value: `${(muster + temporal).toFixed(1)} ms`,
      note: `Muster ${muster.toFixed(1)}, Temporal ${temporal.toFixed(1)}; beside them the load ${load.toFixed(1)}`,
    },
    {
      what: '  per execution',
      value: `${history.workflowTasks.median} workflow tasks`,
      note: `${history.events.median} events; store ${job.storeKib.toFixed(1)} KiB, Temporal ${job.temporalKib.toFixed(1)} KiB; Muster holds ${memoryMib.toFixed(0)} MiB`,
    },
    {
      what: '  update → accepted',
      value: `p50 ${update.p50.toFixed(0)} ms`,
      note: `p95 ${update.p95.toFixed(0)} ms, p99 ${update.p99.toFixed(0)} ms${failures(job)}`,
    },
  ];
}

function failures({ load }: WholeJob): string {
  const entries = Object.entries(load.failures);
  return entries.length === 0 ? '' : `; FAILURES ${entries.map(([what, n]) => `${n} × ${what}`).join(', ')}`;
}
