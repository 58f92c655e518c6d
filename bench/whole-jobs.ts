/** Whole jobs: from `POST /jobs` until COMPLETED, with devices that answer at once, and what they cost. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { Generator } from './generator';
import type { LoadReport } from './load';
import { meterCpu } from './processes';
import type { Subject } from './subject';
import { limitFor, waitFor } from './wait';

export interface WholeJob {
  things: number;
  seconds: number;
  devicesPerSecond: number;
  /** Seconds from `POST /jobs`. */
  firstNotified: number;
  lastNotified: number;
  /** Reports whose devices had heard `accepted`, and that the job did not count yet, at most. */
  behind: number;
  /** Milliseconds of CPU for each execution. */
  cpuMs: { muster: number; temporal: number; load: number };
  /** Rows written to the store for each execution; what changes in place is not counted. */
  storeRows: number;
  /** KiB for each execution. */
  storeKib: number;
  temporalKib: number;
  load: LoadReport;
}

interface Job {
  jobId: string;
  status: string;
  executionCounts: Record<string, number>;
  completedAt: string | null;
}

/** @param groupName of the things, whose devices are connected */
export async function runWholeJob(
  subject: Subject,
  generator: Generator,
  groupName: string,
  things: number,
): Promise<WholeJob> {
  await generator.reset();
  const cpu = meterCpu({ ...subject.pids(), load: generator.pid });
  const before = sizes(subject.dataDir);
  const began = Date.now();
  const { jobId } = await subject.call<Job>('POST', '/jobs', {
    name: `bench ${things}`,
    targets: { thingGroupNames: [groupName] },
    document: { action: 'bench' },
  });
  let behind = 0;
  let completedAt = NaN;
  await waitFor(`the end of job ${jobId}`, limitFor(things), async () => {
    const { done } = await generator.report();
    const job = await subject.call<Job>('GET', `/jobs/${jobId}`);
    behind = Math.max(behind, done - (job.executionCounts.SUCCEEDED ?? 0));
    completedAt = Date.parse(job.completedAt ?? '');
    return job.status !== 'IN_PROGRESS';
  }).catch(async (error: unknown) => {
    throw new Error(`Devices: ${JSON.stringify(await generator.report())}`, { cause: error });
  });
  const seconds = (completedAt - began) / 1000;
  const used = cpu();
  const after = sizes(subject.dataDir);
  const load = await generator.report();
  const each = (total: number) => (1000 * total) / things;
  return {
    things,
    seconds,
    devicesPerSecond: things / seconds,
    firstNotified: ((load.firstNotifiedAt ?? NaN) - began) / 1000,
    behind,
    lastNotified: ((load.lastNotifiedAt ?? NaN) - began) / 1000,
    cpuMs: { muster: each(used.muster), temporal: each(used.temporal), load: each(used.load) },
    storeRows: rowsOf(subject.dataDir, jobId) / things,
    storeKib: (after.store - before.store) / 1024 / things,
    temporalKib: (after.temporal - before.temporal) / 1024 / things,
    load,
  };
}

/** What the store has of a job, beside its own row and its targets. */
function rowsOf(dataDir: string, jobId: string): number {
  const db = new Database(path.join(dataDir, 'muster.db'), { readonly: true });
  const count = (table: string) =>
    db.prepare(`SELECT count(*) FROM ${table} WHERE "jobId" = ?`).pluck().get(jobId) as number;
  const rows = count('executions') + count('transitions') + count('events');
  db.close();
  return rows;
}

/** Bytes of the databases with their logs. */
function sizes(dataDir: string): { store: number; temporal: number } {
  const size = (name: string) =>
    ['', '-wal'].reduce((sum, suffix) => {
      const file = path.join(dataDir, `${name}${suffix}`);
      return sum + (fs.existsSync(file) ? fs.statSync(file).size : 0);
    }, 0);
  return { store: size('muster.db'), temporal: size('temporal.db') };
}
