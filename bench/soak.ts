/**
 * `npm run soak [-- --minutes 60 --devices 400 --share 0.5]`: finds out how many devices a second the topology takes
 * through a job, then gives it that share of it steadily, and watches memory and latency. Prints a table and two charts,
 * and writes bench/results/soak.json.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { OperatorClient } from '../test/chaos/operator-client';
import { startTopology, type Topology } from '../test/topology/topology';
import { Generator } from './generator';
import type { LoadReport, Member } from './load';
import { residentMib } from './processes';

const SAMPLE_MS = 60_000;
const THINGS_PER_JOB = 20;
const LOOKS_EVERY_MS = 250;

interface Sample {
  minute: number;
  executions: number;
  p50: number;
  p99: number;
  /** By process. */
  mib: Record<string, number>;
}

interface Job {
  jobId: string;
  status: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      devices: { type: 'string', default: '400' },
      share: { type: 'string', default: '0.5' },
    },
  });
  const devices = Number(values.devices);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-soak-'));
  fs.chmodSync(directory, 0o755);
  const topology = await startTopology({ directory, onProgress: (line) => console.log(line) });
  const generator = new Generator();
  try {
    const client = new OperatorClient(topology.apis);
    const names = await connectDevices(topology, client, generator, devices);
    await runJob(client, names);
    const capacity = await runJob(client, names);
    const rate = capacity * Number(values.share);
    console.log(
      `${devices} devices in one job: ${capacity.toFixed(1)} devices/s; from now on ${rate.toFixed(1)}/s`,
    );
    const samples = await soak(topology, client, generator, names, rate, Number(values.minutes));
    tell(samples);
    const file = path.resolve('bench/results/soak.json');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `${JSON.stringify({ devices, capacity, rate, samples }, null, 2)}\n`);
  } finally {
    generator.stop();
    await topology.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

async function connectDevices(
  topology: Topology,
  client: OperatorClient,
  generator: Generator,
  devices: number,
): Promise<string[]> {
  const things = Array.from({ length: devices }, (_, i) => ({ name: `soak-${i}` }));
  const { body } = (await client.call('POST', '/things/bulk', { things })) as {
    body: { created: { name: string; mqttCredentials: Member['credentials'] }[] };
  };
  const members = body.created.map(({ name, mqttCredentials }) => ({
    thingName: name,
    credentials: mqttCredentials,
  }));
  await topology.broker.admit(members.map(({ credentials }) => credentials));
  const port = Number(new URL(topology.mqtt).port);
  await generator.connect({ port, topicPrefix: topology.topicPrefixes[0] ?? '' }, members);
  return things.map(({ name }) => name);
}

/** @returns devices a second */
async function runJob(client: OperatorClient, thingNames: string[]): Promise<number> {
  const began = Date.now();
  const jobId = await createJob(client, thingNames);
  let job: Job;
  do {
    await sleep(LOOKS_EVERY_MS);
    job = (await client.call('GET', `/jobs/${jobId}`)).body as Job;
  } while (job.status !== 'COMPLETED');
  return thingNames.length / ((Date.now() - began) / 1000);
}

async function createJob(client: OperatorClient, thingNames: string[]): Promise<string> {
  const answer = await client.call('POST', '/jobs', { targets: { thingNames }, document: {} });
  if (answer.status !== 201) throw new Error(`POST /jobs: ${JSON.stringify(answer)}`);
  return (answer.body as Job).jobId;
}

async function soak(
  topology: Topology,
  client: OperatorClient,
  generator: Generator,
  names: string[],
  rate: number,
  minutes: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const began = Date.now();
  const until = began + minutes * SAMPLE_MS;
  await generator.reset();
  let jobs = 0;
  while (Date.now() < until) {
    const first = (jobs * THINGS_PER_JOB) % names.length;
    await createJob(client, names.slice(first, first + THINGS_PER_JOB));
    jobs++;
    if (Date.now() >= began + (samples.length + 1) * SAMPLE_MS) {
      samples.push(sample(topology, samples.length + 1, await generator.report()));
      await generator.reset();
      console.log(JSON.stringify(samples.at(-1)));
    }
    await sleep(began + (1000 * jobs * THINGS_PER_JOB) / rate - Date.now());
  }
  return samples;
}

function sample({ parts }: Topology, minute: number, load: LoadReport): Sample {
  const failures = Object.entries(load.failures);
  if (failures.length > 0) console.log(`failures: ${JSON.stringify(load.failures)}`);
  const { p50, p99 } = load.latencies.update;
  // PostgreSQL is many processes, which share most of theirs.
  const alone = parts.filter(({ name }) => name !== 'postgres');
  const mib = Object.fromEntries(alone.map(({ name, pid }) => [name, Math.round(residentMib(pid ?? 0))]));
  return { minute, executions: load.done, p50: Math.round(p50), p99: Math.round(p99), mib };
}

function tell(samples: Sample[]): void {
  const names = Object.keys(samples[0]?.mib ?? {});
  const table = new Table({
    head: ['minute', 'executions', 'p50 ms', 'p99 ms', ...names.map((name) => `${name} MiB`)],
    style: { head: [], border: [] },
  });
  table.push(
    ...samples.map(({ minute, executions, p50, p99, mib }) => [
      minute,
      executions,
      p50,
      p99,
      ...Object.values(mib),
    ]),
  );
  console.log(table.toString());
  const minutes = samples.map(({ minute }) => minute);
  console.log(
    chart('update → accepted, p50 and p99', 'ms', minutes, [
      samples.map(({ p50 }) => p50),
      samples.map(({ p99 }) => p99),
    ]),
  );
  console.log(
    chart(
      'memory of each process',
      'MiB',
      minutes,
      names.map((name) => samples.map(({ mib }) => mib[name] ?? 0)),
    ),
  );
}

/** As Markdown draws it. */
function chart(title: string, unit: string, minutes: number[], lines: number[][]): string {
  const highest = Math.ceil(Math.max(...lines.flat()) * 1.1);
  return [
    '```mermaid',
    'xychart-beta',
    `  title "${title}"`,
    `  x-axis "minute" ${minutes[0]} --> ${minutes.at(-1)}`,
    `  y-axis "${unit}" 0 --> ${highest}`,
    ...lines.map((values) => `  line [${values.join(', ')}]`),
    '```',
  ].join('\n');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
