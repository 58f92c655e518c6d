import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { Fleet, FleetCounts } from '../simulator/fleet';
import { planFleet, type Range } from '../simulator/plan';
import {
  clientCommand,
  clientFor,
  dataDirectory,
  examples,
  mqttUrl,
  positiveInteger,
  positiveNumber,
  range,
  share,
  wholeNumber,
  type ClientOptions,
} from './options';
import { printJson, renderTable } from './output';
import { LiveLine, statusCounts } from './progress';
import { registerSimulated, simulatedNames } from './simulated-things';
import { stopSignal } from './signals';

interface SimulateOptions extends ClientOptions {
  devices: number;
  type: string;
  prefix: string;
  successRate: number;
  duration: Range;
  reports: number;
  offlineShare: number;
  offlineFor: Range;
  seed: number;
  connectRate: number;
  mqttUrl?: string;
  topicPrefix?: string;
  credentials?: string;
  for?: number;
  untilIdle?: boolean;
}

const LOOK_MS = 1_000;
/** Between two reports of a job the fleet may seem idle for a moment. */
const IDLE_LOOKS = 5;
const TROUBLES_SHOWN = 10;

/** `muster simulate` */
export function registerSimulate(program: Command): void {
  clientCommand(program, 'simulate', 'connect simulated devices that take jobs and report on them')
    .option('--devices <n>', 'how many', positiveInteger, 10)
    .option('--type <name>', 'their thing type', 'com.example.thermostat')
    .option('--prefix <text>', 'what their names begin with', 'sim-')
    .option('--success-rate <share>', 'share whose jobs succeed; the others fail or reject', share, 0.9)
    .addOption(rangeOption('--duration <seconds>', 'how long a job takes: 5, or 3-8', '3-8'))
    .option('--reports <n>', 'progress reports while it does', wholeNumber, 3)
    .option('--offline-share <share>', 'share that is away at first', share, 0)
    .addOption(rangeOption('--offline-for <seconds>', 'how long those stay away: 20, or 10-30', '10-30'))
    .option('--seed <n>', 'the same number gives the same behaviour', wholeNumber, 1)
    .option('--connect-rate <n>', 'how many connect per second', positiveNumber, 100)
    .option('--mqtt-url <url>', 'the broker (default: as for --url, port 1883)')
    .option('--topic-prefix <prefix>', 'of the device topics (default: the first in MUSTER_TOPIC_PREFIXES)')
    .option('--credentials <file>', 'where their MQTT credentials are kept (default: in the data directory)')
    .option('--until-idle', 'stop when they have done something and nothing is left to do')
    .option('--for <seconds>', 'stop after this time', positiveNumber)
    .addHelpText(
      'after',
      '\nRuns until Ctrl-C if it is not told when to stop.\n' +
        examples(
          'simulate --devices 50 --success-rate 0.95 --offline-share 0.1',
          'simulate --devices 2500 --duration 20-60 --for 600',
        ),
    )
    .action(simulate);
}

/** Its default is shown as it would be written. */
function rangeOption(flags: string, description: string, byDefault: string): Option {
  return new Option(flags, description).argParser(range).default(range(byDefault), byDefault);
}

async function simulate(options: SimulateOptions): Promise<void> {
  const signal = stopSignal();
  const names = simulatedNames(options.prefix, options.devices);
  const credentials = await registerSimulated(clientFor(options), {
    names,
    thingTypeName: options.type,
    credentialsFile: options.credentials ?? join(dataDirectory(options), 'simulated-devices.json'),
  });
  const plans = planFleet({
    ...options,
    durationSeconds: options.duration,
    offlineSeconds: options.offlineFor,
  });
  // Loaded here, so that the other commands do not pay for an MQTT client.
  const { Fleet } = await import('../simulator/fleet.js');
  const fleet = new Fleet(
    names.map((thingName, index) => ({
      thingName,
      credentials: credentials[thingName]!,
      plan: plans[index]!,
    })),
    { url: mqttUrl(options), topicPrefix: topicPrefix(options), connectsPerSecond: options.connectRate },
  );
  await run(fleet, options, signal);
}

async function run(fleet: Fleet, options: SimulateOptions, signal: AbortSignal): Promise<void> {
  const line = new LiveLine();
  const coming = fleet.start();
  try {
    await untilDone(fleet, options, signal, (text) => !options.json && line.show(text));
  } finally {
    line.end();
    const counts = fleet.counts();
    await fleet.stop();
    await coming;
    if (options.json) printJson(counts);
    else sayTroubles(fleet);
  }
}

async function untilDone(
  fleet: Fleet,
  { for: seconds = Infinity, untilIdle = false }: SimulateOptions,
  signal: AbortSignal,
  show: (text: string) => void,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let idleLooks = 0;
  while (!signal.aborted && Date.now() < deadline) {
    const counts = fleet.counts();
    show(renderFleet(counts));
    idleLooks = fleet.idle && Object.keys(counts.statuses).length > 0 ? idleLooks + 1 : 0;
    if (untilIdle && idleLooks >= IDLE_LOOKS) return;
    await sleep(Math.min(LOOK_MS, deadline - Date.now()), undefined, { signal }).catch(() => undefined);
  }
}

/** `connected 48/50  working 12  SUCCEEDED 30  FAILED 2` */
export function renderFleet({ devices, connected, working, statuses }: FleetCounts): string {
  return [`connected ${connected}/${devices}`, `working ${working}`, ...statusCounts(statuses)].join('  ');
}

function sayTroubles(fleet: Fleet): void {
  const troubles = fleet.troubles();
  if (troubles.length === 0) return;
  console.log(`Trouble on ${troubles.length} of ${fleet.devices.length} devices, the latest of each:`);
  console.log(
    renderTable(troubles.slice(0, TROUBLES_SHOWN), [
      { head: 'THING', of: ({ thingName }) => thingName },
      { head: 'TROUBLE', of: ({ trouble }) => trouble },
    ]),
  );
}

function topicPrefix(options: SimulateOptions): string | undefined {
  return options.topicPrefix ?? (process.env.MUSTER_TOPIC_PREFIXES?.split(',')[0]?.trim() || undefined);
}
