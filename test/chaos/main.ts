/**
 * `npm run chaos -- --minutes 10 --seed 1 [--form embedded|topology] [--devices 300] [--faults 60]`
 *
 * Runs Muster under load, breaks every part of it at random, mends it, and then holds what Muster says against what
 * its devices and its operator have written down. Exit code 0: no violation. The seed decides the faults, what the
 * devices do and what the operator tries; the moments at which the processes get there are their own.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { planFleet, seededRandom } from '../../src/simulator/plan';
import { check, type Findings } from './checker';
import { LoggedFleet } from './device-log';
import { planFaults, type Fault } from './faults';
import { Operator } from './operator';
import { OperatorClient } from './operator-client';
import { untilEnded, untilFollowed } from './settle';
import type { Strike } from './strikes';
import { startEmbeddedWorld, startTopologyWorld, type Credentials, type World } from './world';

const GROUPS = ['pilot', 'floor-2', 'roof'];
const SILENT_SHARE = 0.03;
const DEVICE_CRASHES_PER_MINUTE = 20;
const VIOLATIONS_TOLD = 30;
const HISTORIES_KEPT = 50;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    form: { type: 'string', default: 'topology' },
    devices: { type: 'string', default: '300' },
    faults: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  const devices = Number(values.devices);
  const faultCount = Number(values.faults ?? Math.round(minutes * 6));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-chaos-'));
  fs.chmodSync(directory, 0o755);
  const started = Date.now();
  const say = (line: string) =>
    console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(7)} s  ${line}`);
  say(
    `form ${values.form}, seed ${seed}, ${minutes} minutes, ${devices} devices, ${faultCount} faults; files in ${directory}`,
  );

  const world = await (values.form === 'embedded' ? startEmbeddedWorld : startTopologyWorld)(directory);
  try {
    const violations = await run(world, { seed, minutes, devices, faultCount, directory, say });
    if (violations === 0) fs.rmSync(directory, { recursive: true, force: true });
    process.exitCode = violations === 0 ? 0 : 1;
  } finally {
    await world.stop();
  }
}

interface RunOptions {
  seed: number;
  minutes: number;
  devices: number;
  faultCount: number;
  directory: string;
  say(line: string): void;
}

/** @returns how many violations were found */
async function run(world: World, options: RunOptions): Promise<number> {
  const { seed, minutes, devices, faultCount, directory, say } = options;
  const client = new OperatorClient(world.apis);
  const fleet = await createFleet(world, client, devices, seed);
  try {
    fleet.connect();
    const operator = new Operator(client, {
      thingNames: Array.from({ length: devices }, (_, i) => thingName(i)),
      groupNames: GROUPS,
      maxPending: devices,
      random: seededRandom(seed + 1),
    });
    const working = operator.work();
    // A failure of the operator is told at the end of the faults, not as an unhandled one.
    working.catch(() => {});

    const withinMs = minutes * 60_000;
    const faults = planFaults(world.targets, { count: faultCount, withinMs }, seededRandom(seed + 2));
    const [strikes, deviceCrashes] = await Promise.all([
      inject(world, faults, say),
      crashDevices(fleet, withinMs, seededRandom(seed + 3)),
    ]);
    operator.stop();
    await working;
    say(`faults are over; ${operator.jobs.length} jobs; waiting until everything is at its end`);
    const notFollowed = await untilFollowed(client, operator, say);
    await operator.endContinuousJobs();
    await untilEnded(client, operator, say);

    const { jobs, membership } = operator;
    const findings = await check(client, { jobs, membership, accepted: fleet.accepted, strikes });
    findings.violations.push(...operator.violations, ...notFollowed, ...(await doctor(world)));
    fs.writeFileSync(path.join(directory, 'violations.txt'), findings.violations.join('\n'));
    await keepHistories(world, findings.workflowIds, directory);
    report({ seed, faults, deviceCrashes, ownEnds: world.ownEnds(), operator, client, fleet, findings, say });
    return findings.violations.length;
  } finally {
    await fleet.stop();
  }
}

function thingName(i: number): string {
  return `chaos-${i}`;
}

async function createFleet(
  world: World,
  client: OperatorClient,
  devices: number,
  seed: number,
): Promise<LoggedFleet> {
  const things = Array.from({ length: devices }, (_, i) => ({ name: thingName(i) }));
  const { body } = await client.call('POST', '/things/bulk', { things });
  const credentials = body.created.map(
    ({ mqttCredentials }: { mqttCredentials: Credentials }) => mqttCredentials,
  ) as Credentials[];
  await world.admit(credentials);
  for (const name of GROUPS) await client.call('POST', '/thing-groups', { name });
  const plans = planFleet({
    devices,
    successRate: 0.8,
    offlineShare: 0,
    offlineSeconds: { min: 0, max: 0 },
    durationSeconds: { min: 0, max: 1 },
    reports: 1,
    seed,
  });
  const members = credentials.map((one, i) => ({
    credentials: one,
    plan: i < devices * SILENT_SHARE ? { ...plans[i]!, outcome: 'silent' as const } : plans[i]!,
  }));
  return new LoggedFleet(members, { url: world.mqtt, topicPrefix: world.topicPrefix });
}

async function inject(
  world: World,
  faults: readonly Fault[],
  say: (line: string) => void,
): Promise<Strike[]> {
  const begin = Date.now();
  return Promise.all(
    faults.map(async ({ target, kind, atMs, durationMs }, i) => {
      await sleep(begin + atMs - Date.now());
      const from = Date.now();
      say(`fault ${i + 1}/${faults.length}: ${kind} ${target} for ${durationMs} ms`);
      await world.strike(target, kind);
      await sleep(durationMs);
      await world.heal(target, kind);
      return { from, to: Date.now() };
    }),
  );
}

/** @returns how many */
async function crashDevices(fleet: LoggedFleet, withinMs: number, random: () => number): Promise<number> {
  const until = Date.now() + withinMs;
  let crashes = 0;
  while (Date.now() < until) {
    await sleep((2 * random() * 60_000) / DEVICE_CRASHES_PER_MINUTE);
    await fleet.crash(Math.floor(random() * fleet.size));
    crashes++;
  }
  return crashes;
}

/** What `muster doctor` finds when everything is over: nothing. */
async function doctor(world: World): Promise<string[]> {
  const main = path.resolve('dist/src/cli/main.js');
  try {
    await promisify(execFile)(process.execPath, [main, 'doctor'], { env: { ...process.env, ...world.env } });
    return [];
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return [`muster doctor: ${stdout}${stderr}`];
  }
}

/** What Temporal did with some of them, for whoever looks for the cause. */
async function keepHistories(world: World, workflowIds: readonly string[], directory: string): Promise<void> {
  const connection = await Connection.connect({ address: world.env.TEMPORAL_ADDRESS! });
  try {
    const { workflow } = new Client({ connection, namespace: world.env.TEMPORAL_NAMESPACE });
    for (const workflowId of [...new Set(workflowIds)].slice(0, HISTORIES_KEPT)) {
      // Of a violation that is about what is not there, there may be none.
      const history = await workflow
        .getHandle(workflowId)
        .fetchHistory()
        .catch(() => undefined);
      const file = path.join(directory, `${workflowId.replaceAll('/', '-')}.json`);
      if (history) fs.writeFileSync(file, historyToJSON(history));
    }
  } finally {
    await connection.close();
  }
}

function report(run: {
  seed: number;
  faults: readonly Fault[];
  deviceCrashes: number;
  ownEnds: readonly string[];
  operator: Operator;
  client: OperatorClient;
  fleet: LoggedFleet;
  findings: Findings;
  say(line: string): void;
}): void {
  const { findings, operator } = run;
  const kinds = new Map<string, number>();
  for (const { kind, target } of run.faults)
    kinds.set(`${kind} ${target}`, (kinds.get(`${kind} ${target}`) ?? 0) + 1);
  run.say('done');
  console.log(
    [
      `seed               ${run.seed}`,
      `faults             ${run.faults.length}: ${[...kinds]
        .map(([what, n]) => `${what} ×${n}`)
        .sort()
        .join(', ')}`,
      `device crashes     ${run.deviceCrashes}`,
      `own ends           ${run.ownEnds.length}: a process of Muster ended by itself, and was started again`,
      ...run.ownEnds.map((words) => words.replaceAll(/^/gm, '  | ')),
      `operator           ${Object.entries(operator.calls)
        .map(([what, n]) => `${n} ${what}`)
        .join(', ')}; ${run.client.retries} tries without a final answer`,
      `jobs               ${operator.jobs.length}, of which ${findings.jobs} are still there`,
      `executions         ${findings.executions}: ${JSON.stringify(findings.byStatus)}`,
      `transitions        ${findings.transitions}`,
      `accepted reports   ${run.fleet.accepted.length}`,
      `timers             ${findings.lateMs.length}; after their time: ${lateness(findings.lateMs)}`,
      `violations         ${findings.violations.length}`,
      ...findings.violations.slice(0, VIOLATIONS_TOLD).map((text) => `  ${text}`),
    ].join('\n'),
  );
}

function lateness(lateMs: readonly number[]): string {
  const sorted = [...lateMs].sort((one, other) => one - other);
  const at = (share: number) =>
    `${((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1000).toFixed(1)} s`;
  return `median ${at(0.5)}, 9 of 10 within ${at(0.9)}, the latest ${at(1)}`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
