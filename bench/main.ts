/**
 * `npm run bench [-- --quick] [-- --only jobs,latency]`: measures Muster on this machine against raw Temporal on the
 * same machine in the same run, prints a table and writes bench/results/latest.json.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { measureJobs } from './jobs';
import type { Row, Scale } from './scale';
import { measureBulk } from './bulk';
import { measureLatency } from './device-latency';
import { measureStandingLoad } from './standing-load';

const FULL: Scale = {
  repeats: 5,
  warmUp: 1_000,
  jobs: [100, 1_000, 10_000],
  latencyJob: 10_000,
  measuredMs: 20_000,
  registered: 100_000,
  waiting: 20_000,
  bulk: 10_000,
};
const QUICK: Scale = {
  repeats: 1,
  warmUp: 100,
  jobs: [100, 300],
  latencyJob: 200,
  measuredMs: 4_000,
  registered: 2_000,
  waiting: 200,
  bulk: 200,
};

const MEASUREMENTS = {
  jobs: measureJobs,
  latency: measureLatency,
  standing: measureStandingLoad,
  bulk: measureBulk,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const scale = values.quick ? QUICK : FULL;
  const names = values.only?.split(',') ?? Object.keys(MEASUREMENTS);
  const machine = {
    cores: os.cpus().length,
    cpu: os.cpus()[0]?.model,
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
  };
  const began = new Date().toISOString();

  const results: Record<string, unknown> = {};
  for (const [name, measure] of Object.entries(MEASUREMENTS)) {
    if (!names.includes(name)) continue;
    const { title, rows, result } = await measure(scale);
    results[name] = result;
    print(title, rows);
  }

  const file = path.resolve('bench/results/latest.json');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify({ began, machine, scale, results }, null, 2)}\n`);
  console.log(`written to ${path.relative(process.cwd(), file)}`);
}

function print(title: string, rows: Row[]): void {
  const table = new Table({ head: [title, '', ''], style: { head: [], border: [] } });
  table.push(...rows.map(({ what, value, note = '' }) => [what, value, note]));
  console.log(table.toString());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
