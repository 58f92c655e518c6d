import type { Command } from 'commander';
import {
  addConfigOptions,
  ConfigError,
  loadConfig,
  ROLES,
  type Config,
  type ConfigFlags,
} from '../runtime/config';
import type { RunningMuster } from '../runtime/muster';
import { Failure } from './failures';
import { examples } from './options';
import { aborted, stopSignal } from './signals';

/** `muster up` */
export function registerUp(program: Command): void {
  const up = program
    .command('up')
    .description('run everything in this process, Temporal and the MQTT broker included, until Ctrl-C');
  addConfigOptions(up, ['roles'])
    .addHelpText('after', examples('up', 'up --http-port 0 --mqtt-port 0 --data-dir /var/lib/muster'))
    .action((flags: ConfigFlags) =>
      runUntilStopped(loadConfig(process.env, { ...flags, roles: ROLES.join(',') })),
    );
}

/** `muster serve` */
export function registerServe(program: Command): void {
  const serve = program
    .command('serve')
    .description('run some roles of a Muster, or all of them, with a Temporal that somebody else runs');
  addConfigOptions(serve, ['temporalPort', 'temporalUiPort'])
    .addHelpText(
      'after',
      examples('serve --temporal-address temporal.example.com:7233', 'serve --roles worker,bridge'),
    )
    .action((flags: ConfigFlags) => {
      const config = loadConfig(process.env, flags);
      if (!config.temporalAddress)
        throw new ConfigError(
          'muster serve needs TEMPORAL_ADDRESS (--temporal-address) as host:port of a Temporal that runs; ' +
            'muster up brings its own.',
        );
      return runUntilStopped(config);
    });
}

/** Long enough for a last line to be written, once everything has been told to stop. */
const EXIT_WITHIN_MS = 500;

async function runUntilStopped(config: Config): Promise<void> {
  exitOnFault();
  try {
    await run(config);
  } finally {
    // A part that could not be stopped must not keep the process.
    setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref();
  }
}

async function run(config: Config): Promise<void> {
  const startedAt = Date.now();
  const stop = stopSignal();
  // Nothing is promised to anybody before it is ready, and whatever was started ends with this process.
  const leave = () => process.exit(0);
  stop.addEventListener('abort', leave);
  // Loaded here, so that the other commands do not pay for the server.
  const { startMuster } = await import('../runtime/muster.js');
  const muster = await startMuster(config, { onProgress: (line) => console.log(line) });
  stop.removeEventListener('abort', leave);
  printSummary(muster, config, Date.now() - startedAt);

  const failure = await Promise.race([aborted(stop), muster.failed.catch((error: Error) => error)]);
  exitOnSecondSignal();
  if (!failure) console.log('Stopping; once more stops at once.');
  await muster.stop();
  if (failure) throw new Failure(`Muster had to stop: ${failure.message}`, { cause: failure });
}

/** A fault that nobody caught leaves nothing to rely on: say so in a sentence, and let the supervisor start anew. */
function exitOnFault(): void {
  process.on('uncaughtException', (error) => {
    console.error(`muster: stopped by a fault of its own: ${error.message}`);
    process.exit(1);
  });
}

function exitOnSecondSignal(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
}

function printSummary(muster: RunningMuster, config: Config, tookMs: number): void {
  const { http, mqtt, temporal, temporalUi } = muster.endpoints;
  const hasApi = config.roles.includes('api');
  const rows = [
    ['Roles', config.roles.join(', ')],
    ['REST API', hasApi && `${http}/api/v1`],
    ['API docs', hasApi && `${http}/docs`],
    ['Health', `${http}/readyz`],
    ['MQTT broker', mqtt],
    ['Topics', mqtt && config.topicPrefixes.map((prefix) => `${prefix}/{thingName}/jobs/…`).join(' ')],
    ['Temporal', temporal],
    ['Temporal UI', temporalUi],
    ['Data', muster.dataDir && config.dataDir],
  ];
  const table = rows
    .filter(([, value]) => value)
    .map(([name = '', value]) => `  ${String(name).padEnd(12)} ${String(value)}`)
    .join('\n');
  console.log(`\nMuster is ready after ${(tookMs / 1000).toFixed(1)} s.\n\n${table}\n`);
  if (hasApi) printFirstSteps(muster, config);
  console.log('Ctrl-C stops it.');
}

function printFirstSteps({ adminKey }: RunningMuster, config: Config): void {
  const exports = [
    ...(config.dataDir === loadConfig({}).dataDir ? [] : [`export MUSTER_DATA_DIR=${config.dataDir}`]),
    ...(adminKey
      ? [
          `export MUSTER_API_KEY=${adminKey.apiKey}:${adminKey.apiSecret}   # made up, and shown only this once`,
        ]
      : []),
  ];
  const next = [...exports, 'npx muster simulate --devices 20', 'npx muster jobs create --help'];
  console.log(`In another terminal:\n\n${next.map((line) => `  ${line}`).join('\n')}\n`);
}
