import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  addConfigOptions,
  CONFIG_OPTIONS,
  loadConfig,
  ROLES,
  type Config,
  type ConfigFlags,
} from '../runtime/config';
import type { RunningMuster } from '../runtime/muster';
import { claimPort } from '../runtime/ports';
import type { Fleet } from '../simulator/fleet';
import { planFleet, type DevicePlan } from '../simulator/plan';
import type { Execution, Job } from './bodies';
import { MusterClient, segment } from './client';
import { Failure } from './failures';
import { followJob } from './jobs-watch';
import { examples } from './options';
import { pairs, renderTable } from './output';
import { LiveLine } from './progress';
import { aborted, stopSignal } from './signals';
import { registerSimulated, simulatedNames } from './simulated-things';

type DemoOptions = ConfigFlags & { keep?: boolean };

const THING_TYPE = 'com.example.thermostat';

/** The job of the specification's "Create a Job via API". */
const FIRMWARE_JOB = {
  name: 'Firmware 2.1.5',
  description: 'Firmware update to v2.1.5',
  targets: { thingGroupNames: [`${THING_TYPE} (default)`] },
  document: {
    action: 'updateFirmware',
    params: { version: '2.1.5', url: 'https://firmware.example.com/thermostat-v2.1.5.bin' },
  },
};

const CONNECT_TIMEOUT_MS = 30_000;
const PORTS = ['httpPort', 'mqttPort', 'temporalPort', 'temporalUiPort'] as const;

/** `muster demo` */
export function registerDemo(program: Command): void {
  const demo = program
    .command('demo')
    .description('show all of it: start Muster, connect 24 simulated thermostats and update their firmware')
    .option('--keep', 'leave it running afterwards, until Ctrl-C');
  addConfigOptions(demo, ['roles', 'databaseUrl', 'mqttUrl'])
    .addHelpText(
      'after',
      '\nWithout --data-dir it uses a new directory and removes it at its end. A port that was not asked for and is\n' +
        'taken gives way to a free one.\n' +
        examples('demo', 'demo --keep'),
    )
    .action(demonstrate);
}

async function demonstrate(options: DemoOptions): Promise<void> {
  const stop = stopSignal();
  const own = ownDirectory(options);
  if (own) process.once('exit', () => rmSync(own, { recursive: true, force: true, maxRetries: 5 }));
  try {
    const config = await demoConfig(options, own);
    await runDemo(config, options.keep ?? false, stop);
  } catch (error) {
    throw stop.aborted ? new Failure('The demo was stopped before its end.', { cause: error }) : error;
  }
}

async function runDemo(config: DemoConfig, keep: boolean, stop: AbortSignal): Promise<void> {
  step(`Starting Muster with all it needs; its data is in ${config.dataDir}`);
  // Loaded here, so that the other commands do not pay for the server.
  const { startMuster } = await import('../runtime/muster.js');
  // Starting can take minutes where Temporal is fetched first, and what was started ends with this process.
  const leave = () => process.exit(1);
  stop.addEventListener('abort', leave);
  const muster = await startMuster(config, { onProgress: (message) => console.log(`  ${message}`) });
  stop.removeEventListener('abort', leave);
  const failed = failureSignal(muster);
  try {
    await showMuster(muster, config, keep, AbortSignal.any([stop, failed]));
  } finally {
    step('Stopping Muster');
    await muster.stop();
    // Says more than whatever failed because of it.
    failed.throwIfAborted();
  }
}

/** Aborts, with the reason, when Muster fails while it runs. */
function failureSignal(muster: RunningMuster): AbortSignal {
  const failed = new AbortController();
  muster.failed.catch((reason: unknown) => failed.abort(reason));
  return failed.signal;
}

async function showMuster(
  { endpoints }: RunningMuster,
  config: DemoConfig,
  keep: boolean,
  stop: AbortSignal,
): Promise<void> {
  const client = new MusterClient({ url: endpoints.http, key: config.apiKey, timeoutMs: 30_000 });
  // The demo has all roles, so there is a bridge.
  const fleet = await thermostats(client, endpoints.mqtt!, config);
  const coming = fleet.start();
  try {
    await untilConnected(fleet, stop);
    const job = await updateFirmware(client, stop);
    await printOutcome(client, job);
    step(keep ? 'Where to look' : 'Where to look while it runs (muster demo --keep)');
    printAddresses(endpoints, config, job.jobId);
    if (keep) await keepRunning(config, stop);
  } finally {
    await fleet.stop();
    await coming;
  }
}

/** The configuration of a demo: its administrator's key is known. */
type DemoConfig = Config & { apiKey: { key: string; secret: string } };

/** A directory of the demo's own, where none was asked for. */
function ownDirectory({ dataDir }: DemoOptions): string | undefined {
  return dataDir || process.env.MUSTER_DATA_DIR ? undefined : mkdtempSync(join(tmpdir(), 'muster-demo-'));
}

/** Its things and jobs are nothing for anybody's database. */
async function demoConfig(options: DemoOptions, own: string | undefined): Promise<DemoConfig> {
  const apiKey = `demo:${randomBytes(24).toString('base64url')}`;
  const defaults = {
    MUSTER_API_KEY: apiKey,
    LOG_LEVEL: 'warn',
    ...(own && { MUSTER_DATA_DIR: own }),
    ...(await freePorts(loadConfig({}))),
  };
  const given = Object.entries(process.env).filter(([, value]) => value);
  const flags = { ...options, roles: ROLES.join(',') };
  const env = { ...defaults, ...Object.fromEntries(given), DATABASE_URL: '' };
  return loadConfig(env, flags) as DemoConfig;
}

/** Port 0 for those whose default is taken. */
async function freePorts(defaults: Config): Promise<Record<string, string>> {
  const ports: Record<string, string> = {};
  for (const option of PORTS) {
    const free = await claimPort(defaults[option], option).catch(() => 0);
    ports[CONFIG_OPTIONS[option].env] = String(free);
  }
  return ports;
}

/** Twenty-four simulated thermostats with a character each. */
async function thermostats(client: MusterClient, mqttUrl: string, config: DemoConfig): Promise<Fleet> {
  const plans = thermostatPlans();
  const names = simulatedNames('thermostat-', plans.length);
  step(
    `Registering the thing type ${THING_TYPE} and ${names.length} things of it (POST /api/v1/things/bulk)`,
  );
  const credentials = await registerSimulated(client, {
    names,
    thingTypeName: THING_TYPE,
    credentialsFile: join(config.dataDir, 'simulated-devices.json'),
  });
  const { Fleet } = await import('../simulator/fleet.js');
  return new Fleet(
    names.map((thingName, index) => ({
      thingName,
      credentials: credentials[thingName]!,
      plan: plans[index]!,
    })),
    { url: mqttUrl, topicPrefix: config.topicPrefixes[0] },
  );
}

/** Most succeed, three of them slowly; one rejects, one fails, and the last is away for a while. */
function thermostatPlans(): DevicePlan[] {
  const plans = planFleet({
    devices: 24,
    successRate: 1,
    offlineShare: 0,
    offlineSeconds: { min: 0, max: 0 },
    durationSeconds: { min: 3, max: 7 },
    reports: 4,
    seed: 24,
  });
  for (const slow of [4, 11, 17]) Object.assign(plans[slow]!, { durationMs: 13_000 });
  Object.assign(plans[8]!, { outcome: 'REJECTED' });
  Object.assign(plans[14]!, { outcome: 'FAILED' });
  Object.assign(plans[23]!, { connectAfterMs: 12_000 });
  return plans;
}

async function untilConnected(fleet: Fleet, stop: AbortSignal): Promise<void> {
  const expected = fleet.devices.length - 1;
  step(`Connecting ${expected} of them over MQTT; thermostat-024 is offline and comes later`);
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  while (fleet.counts().connected < expected) {
    if (Date.now() > deadline) {
      const why = fleet.troubles()[0]?.trouble ?? 'no answer from the broker';
      throw new Failure(`Only ${fleet.counts().connected} of ${expected} devices could connect: ${why}.`);
    }
    await sleep(100, undefined, { signal: stop });
  }
}

async function updateFirmware(client: MusterClient, stop: AbortSignal): Promise<Job> {
  step(
    `Creating the job "${FIRMWARE_JOB.description}" for the group "${THING_TYPE} (default)" (POST /api/v1/jobs)`,
  );
  const { jobId } = await client.post<Job>('/jobs', FIRMWARE_JOB);
  step(`Job ${jobId}: every device is told, takes it, reports its progress and how it ended`);
  const line = new LiveLine();
  try {
    return await followJob(client, jobId, (text) => line.show(text), stop);
  } finally {
    line.end();
  }
}

async function printOutcome(client: MusterClient, { jobId, status }: Job): Promise<void> {
  step(`The job is ${status}. What became of it on each device:`);
  const { items } = await client.list<Execution>(`/jobs/${segment(jobId)}/executions`, {}, 250);
  console.log(
    renderTable(items, [
      { head: 'THING', of: (execution) => execution.thingName },
      { head: 'STATUS', of: (execution) => execution.status },
      {
        head: 'QUEUED FOR',
        of: (execution) => seconds(execution.queuedAt, execution.startedAt ?? execution.finishedAt),
      },
      { head: 'WORKED FOR', of: (execution) => seconds(execution.startedAt, execution.finishedAt) },
      { head: 'DETAILS', of: (execution) => pairs(execution.statusDetails) },
    ]),
  );
}

function printAddresses(
  { http, temporalUi }: RunningMuster['endpoints'],
  config: DemoConfig,
  jobId: string,
): void {
  const workflow = `/namespaces/${config.temporalNamespace}/workflows/${encodeURIComponent(`job/${jobId}`)}`;
  console.log(`  API docs         ${http}/docs`);
  if (temporalUi) console.log(`  Job in Temporal  ${temporalUi}${workflow}`);
}

async function keepRunning({ apiKey, dataDir }: DemoConfig, stop: AbortSignal): Promise<void> {
  step('It keeps running, and so do the devices; try it from another terminal, Ctrl-C ends it:');
  console.log(`  export MUSTER_DATA_DIR=${dataDir} MUSTER_API_KEY=${apiKey.key}:${apiKey.secret}`);
  console.log('  npx muster jobs list');
  console.log('  npx muster things list');
  await aborted(stop);
}

function seconds(from: string | null, to: string | null): string | undefined {
  if (!from || !to) return undefined;
  return `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
}

function step(sentence: string): void {
  console.log(`\n» ${sentence}`);
}
