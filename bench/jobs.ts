/** Whole jobs of several sizes, on one warm Muster, in turn with raw Temporal on the same server. */
import { startCeiling, type CeilingRun } from './ceiling/ceiling';
import { Generator } from './generator';
import { historyCost } from './history';
import type { Row, Scale } from './scale';
import { residentMib } from './processes';
import { spread } from './statistics';
import { startSubject } from './subject';
import { runWholeJob, type WholeJob } from './whole-jobs';

/** Histories looked into for each size. */
const SAMPLE = 20;
/** A size above this is measured once: it is long enough to even out. The ceiling's jobs are not larger. */
const ONCE_ABOVE = 1_000;

/** A job and the ceiling around it. */
interface Pair {
  job: WholeJob;
  ceilings: [CeilingRun, CeilingRun];
  /** Of the job's rate to the ceiling's. */
  ratio: number;
}

export async function measureJobs(scale: Scale) {
  const rows: Row[] = [];
  const result: { things: number; pairs: Pair[]; history: Awaited<ReturnType<typeof historyCost>> }[] = [];
  for (const things of scale.jobs) {
    const subject = await startSubject();
    const generator = new Generator();
    const ceiling = await startCeiling(subject);
    try {
      const group = 'bench';
      const members = await subject.register('bench', things);
      const names = members.map(({ thingName }) => thingName);
      await subject.call('POST', '/thing-groups', { name: group });
      for (let i = 0; i < names.length; i += 10_000)
        await subject.call('POST', `/thing-groups/${group}/things`, { add: names.slice(i, i + 10_000) });
      await generator.connect(subject.broker, members);
      for (let warm = 0; warm + things <= scale.warmUp; warm += things) {
        await runWholeJob(subject, generator, group, things);
        await ceiling.run(things);
      }
      const pairs = await measurePairs(
        things > ONCE_ABOVE ? 1 : scale.repeats,
        () => runWholeJob(subject, generator, group, things),
        () => ceiling.run(Math.min(things, ONCE_ABOVE)),
      );
      const { items } = await subject.call<{ items: { jobId: string }[] }>('GET', '/jobs?limit=1');
      const history = await historyCost(
        subject.temporalAddress,
        names.slice(0, SAMPLE).map((thingName) => ({ jobId: items[0]!.jobId, thingName })),
      );
      result.push({ things, pairs, history });
      rows.push(...tell(pairs, history, residentMib(subject.pids().muster)));
    } finally {
      generator.stop();
      await ceiling.stop();
      await subject.stop();
    }
  }
  return { title: 'Whole jobs: POST to COMPLETED, devices that answer at once', rows, result };
}

/** In turn, and each job against the mean of the ceiling before and after it: a shared machine is not the same for long. */
async function measurePairs(
  repeats: number,
  runJob: () => Promise<WholeJob>,
  runCeiling: () => Promise<CeilingRun>,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  let before: CeilingRun | undefined;
  for (let i = 0; i < repeats; i++) {
    before ??= await runCeiling();
    const job = await runJob();
    const after = await runCeiling();
    const mean = (before.devicesPerSecond + after.devicesPerSecond) / 2;
    pairs.push({ job, ceilings: [before, after], ratio: job.devicesPerSecond / mean });
    before = after;
  }
  return pairs;
}

function tell(pairs: Pair[], history: Awaited<ReturnType<typeof historyCost>>, memoryMib: number): Row[] {
  const jobs = pairs.map(({ job }) => job).sort((one, other) => one.seconds - other.seconds);
  const median = jobs[Math.floor(jobs.length / 2)]!;
  const ceilings = pairs.flatMap((pair) => pair.ceilings);
  const of = (values: number[], digits: number) => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  };
  const { muster, temporal, load } = median.cpuMs;
  const { update } = median.load.latencies;
  return [
    {
      what: `${median.things} things`,
      value: `${median.seconds.toFixed(1)} s`,
      note: `${of(
        jobs.map(({ devicesPerSecond }) => devicesPerSecond),
        1,
      )} devices/s in ${jobs.length}`,
    },
    {
      what: '  of the ceiling',
      value: of(
        pairs.map(({ ratio }) => ratio),
        2,
      ),
      note: `raw Temporal, one child and two signals for each of ${ceilings[0]!.devices} devices: ${of(
        ceilings.map(({ devicesPerSecond }) => devicesPerSecond),
        1,
      )} devices/s`,
    },
    {
      what: '  notified',
      value: `${median.firstNotified.toFixed(2)} s`,
      note: `the first; the last after ${median.lastNotified.toFixed(2)} s`,
    },
    {
      what: '  progress',
      value: `${median.behind} behind`,
      note: 'reports that were accepted and not in the counts of GET /jobs/{jobId} yet, at most',
    },
    {
      what: '  CPU per execution',
      value: `${(muster + temporal).toFixed(1)} ms`,
      note: `Muster ${muster.toFixed(1)}, Temporal ${temporal.toFixed(1)}; beside them the load ${load.toFixed(1)}`,
    },
    {
      what: '  CPU of the ceiling',
      value: `${spread(ceilings.map(({ cpuMs }) => cpuMs.temporal + cpuMs.worker)).median.toFixed(1)} ms`,
      note: `worker ${spread(ceilings.map(({ cpuMs }) => cpuMs.worker)).median.toFixed(1)}, Temporal ${spread(ceilings.map(({ cpuMs }) => cpuMs.temporal)).median.toFixed(1)}`,
    },
    {
      what: '  per execution',
      value: `${history.workflowTasks.median} workflow tasks`,
      note: `${history.events.median} events; store ${median.storeRows.toFixed(1)} rows, ${median.storeKib.toFixed(1)} KiB, Temporal ${median.temporalKib.toFixed(1)} KiB; Muster holds ${memoryMib.toFixed(0)} MiB`,
    },
    {
      what: '  update → accepted',
      value: `p50 ${update.p50.toFixed(0)} ms`,
      note: `p95 ${update.p95.toFixed(0)} ms, p99 ${update.p99.toFixed(0)} ms${failures(median)}`,
    },
  ];
}

function failures({ load }: WholeJob): string {
  const entries = Object.entries(load.failures);
  return entries.length === 0 ? '' : `; FAILURES ${entries.map(([what, n]) => `${n} × ${what}`).join(', ')}`;
}
