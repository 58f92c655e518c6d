import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Durability } from '../domain/durability';
import { endWithUs } from './child-process';
import { writeAtomically, type DataDir } from './data-dir';
import type { DiskWatch } from './disk-watch';
import { retryUntil } from './deadline';
import { claimPort, HOST } from './ports';
import { connectTemporal } from './temporal-connection';
import type { TemporalTarget } from './temporal-target';
import { tuneVisibility } from './temporal-visibility';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 3_000;
const DESCRIBE_LIMIT_MS = 2_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
/** A server that ran this long and then ended starts the back-off anew. */
const STABLE_MS = 60_000;
const BACK_OFF_MS = { first: 500, longest: 10_000 };

/**
 * Measured on SQLite: without WAL a quarter of the throughput; the larger cache and the rarer checkpoints give
 * a quarter more child workflow starts.
 */
const SQLITE_PRAGMAS = ['journal_mode=WAL', 'cache_size=-65536', 'wal_autocheckpoint=10000'];
const DURABILITY_PRAGMAS: Record<Durability, string[]> = {
  process: ['synchronous=NORMAL'],
  // The second one for macOS, where the first else waits for the cache of the disk alone.
  'power-cut': ['synchronous=FULL', 'fullfsync=ON'],
};

/** What the server does better for one machine than by itself (docs/scaling.md). */
const DYNAMIC_CONFIG = [
  // The dev server otherwise reads all search attributes anew from its database for each workflow that has some.
  'system.forceSearchAttributesCacheRefreshOnRead=false',
  // By itself 20 a second: after a short burst each task of a workflow waits up to 50 ms until it is looked for.
  'history.transferProcessorMaxPollRPS=100',
  // Of four, one may be without a poller just then, and its tasks wait for seconds.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
];

/**
 * Go collects garbage when the heap has grown by so many percent, 100 by itself. What Temporal holds is small beside
 * what it makes and drops, so that more memory buys less CPU (docs/scaling.md), up to a limit behind which it collects
 * as often as it takes.
 */
const GARBAGE_COLLECTION = { GOGC: '400', GOMEMLIMIT: '1536MiB' };

export interface TemporalServerOptions {
  executable: string;
  dataDir: DataDir;
  /** 0 picks a free port. */
  port: number;
  /** 0 picks a free port. */
  uiPort: number;
  namespace: string;
  /** Keyword attributes that a new database begins with. */
  searchAttributes: readonly string[];
  /** What a workflow that was told of survives; `process` when left out. */
  durability?: Durability;
  logger: Logger;
  /** Under the data directory. */
  disk: DiskWatch;
}

/** A Temporal that Muster can use. */
export interface TemporalService {
  readonly target: TemporalTarget;
  /** URL of its web UI, where it is known. */
  readonly uiUrl?: string;
  readonly connection: Connection;
  /** Closes the connection, and ends the server where it is ours; what it keeps stays in the data directory. */
  stop(): Promise<void>;
}

/** How the server of this data directory runs; kept so that the next start can end one that outlived its Muster. */
interface ServerRecord {
  pid: number;
  port: number;
  uiPort: number;
  startedAt: string;
}

/**
 * Starts the Temporal dev server on a file database in the data directory and waits until it answers. From then on it is started again on the same ports whenever it
 * ends by itself: the SDK reconnects, so a crash of it costs a pause.
 * @throws ConfigError for a taken port.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalService> {
  const { dataDir, logger, disk } = options;
  await endLeftover(dataDir, logger);
  const launched = await launch(options);
  const { port, uiPort, connection } = launched;
  let child = launched.child;
  const stopping = new AbortController();

  async function keepRunning(): Promise<void> {
    let backOff = BACK_OFF_MS.first;
    for (;;) {
      const startedAt = Date.now();
      await ended(child);
      if (stopping.signal.aborted) return;
      if (Date.now() - startedAt > STABLE_MS) backOff = BACK_OFF_MS.first;
      const { exitCode, signalCode } = child;
      logger.error(
        { exitCode, signalCode, log: dataDir.file('temporal.log') },
        'Temporal ended, starting it again',
      );
      await sleep(backOff, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      backOff = Math.min(backOff * 2, BACK_OFF_MS.longest);
      child = await spawnAgain();
    }
  }
  async function spawnAgain(): Promise<ChildProcess> {
    try {
      return await disk.outlast(() => spawnServer(options, port, uiPort), { signal: stopping.signal });
    } catch (error) {
      if (!stopping.signal.aborted) logger.error({ err: error }, 'Temporal could not be started');
      return child;
    }
  }
  const running = keepRunning();
  const logKeeper = setInterval(() => boundLog(dataDir.file('temporal.log'), logger), 60_000).unref();

  return {
    target: { address: `${HOST}:${port}`, tls: false },
    uiUrl: `http://${HOST}:${uiPort}`,
    connection,
    async stop() {
      stopping.abort();
      clearInterval(logKeeper);
      await connection.close();
      await endChild(child);
      await running;
      fs.rmSync(dataDir.file('temporal.pid.json'), { force: true });
    },
  };
}

/** One start, tried again when somebody else took a picked port between our look and the server's, or has killed it. */
async function launch(
  options: TemporalServerOptions,
): Promise<{ child: ChildProcess; port: number; uiPort: number; connection: Connection }> {
  const logFile = options.dataDir.file('temporal.log');
  for (let triesLeft = 3; ; triesLeft--) {
    const port = await claimPort(options.port, 'temporalPort');
    const uiPort = await claimPort(options.uiPort, 'temporalUiPort');
    fs.writeFileSync(logFile, '');
    const child = spawnServer(options, port, uiPort);
    try {
      const connection = await connectTemporal({
        target: { address: `${HOST}:${port}`, tls: false },
        namespace: options.namespace,
        deadlineMs: START_DEADLINE_MS,
        isHopeless: () => hasEnded(child),
      });
      // Whoever answers on that port must be the one that was started.
      if (!hasEnded(child)) {
        await tuneSearch(options, connection);
        return { child, port, uiPort, connection };
      }
      await connection.close();
    } catch (error) {
      if (!hasEnded(child)) {
        await endChild(child);
        throw new Error(`Temporal did not get ready within ${START_DEADLINE_MS / 1000} s; see ${logFile}`, {
          cause: error,
        });
      }
    }
    const log = fs.readFileSync(logFile, 'utf8').trim();
    const isOthersDoing = child.signalCode !== null || log.includes('address already in use');
    if (triesLeft === 1 || !isOthersDoing)
      throw new Error(`Temporal ended at its start: ${log.split('\n').at(-1)}; see ${logFile}`);
  }
}

/** Temporal works without it, too. */
async function tuneSearch(options: TemporalServerOptions, connection: Connection): Promise<void> {
  const { dataDir, namespace, logger } = options;
  try {
    const { config } = await connection.withDeadline(Date.now() + DESCRIBE_LIMIT_MS, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    const columns = Object.keys(config?.customSearchAttributeAliases ?? {});
    tuneVisibility(databaseFile(dataDir), columns);
  } catch (error) {
    logger.warn({ err: error }, 'Temporal keeps indexes that nobody needs; the next start tries again');
  }
}

function spawnServer(options: TemporalServerOptions, port: number, uiPort: number): ChildProcess {
  const { dataDir, namespace, searchAttributes, durability = 'process' } = options;
  const log = fs.openSync(dataDir.file('temporal.log'), 'a');
  const child = spawn(
    options.executable,
    [
      ...['server', 'start-dev', '--ip', HOST, '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', databaseFile(dataDir), '--namespace', namespace, '--log-level', 'error'],
      ...[...SQLITE_PRAGMAS, ...DURABILITY_PRAGMAS[durability]].flatMap((pragma) => [
        '--sqlite-pragma',
        pragma,
      ]),
      ...DYNAMIC_CONFIG.flatMap((setting) => ['--dynamic-config-value', setting]),
      ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ],
    {
      stdio: ['ignore', log, log],
      env: { ...GARBAGE_COLLECTION, ...process.env },
      // In a process group of its own, so that Ctrl-C reaches Muster alone and the parts stop in order.
      detached: true,
    },
  );
  fs.closeSync(log);
  endWithUs(child);
  // Without a listener a failed spawn would end Muster; `ended` sees it.
  child.on('error', (error) => options.logger.error({ err: error }, 'Temporal could not be started'));
  const record: Partial<ServerRecord> = { pid: child.pid, port, uiPort, startedAt: new Date().toISOString() };
  try {
    writeAtomically(dataDir.file('temporal.pid.json'), record);
    return child;
  } catch (error) {
    // Without its record the next start would not know it for ours.
    child.kill('SIGKILL');
    throw error;
  }
}

const databaseFile = (dataDir: DataDir) => dataDir.file('temporal.db');

const hasEnded = (child: ChildProcess) =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit');
}

async function endChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exit = ended(child);
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exit;
  clearTimeout(killer);
}

/** Ends the server that a killed Muster left behind: it holds the database and perhaps the ports. */
async function endLeftover(dataDir: DataDir, logger: Logger): Promise<void> {
  const { pid, port = 0 } = readRecord(dataDir) ?? {};
  const isOurs = () => pid !== undefined && commandLine(pid).includes(databaseFile(dataDir));
  if (!pid || !isOurs()) return;
  logger.warn({ pid }, 'Temporal was left behind by a Muster that was killed, ending it');
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; isOurs(); waited += 50) {
    if (waited === STOP_DEADLINE_MS) process.kill(pid, 'SIGKILL');
    await sleep(50);
  }
  // A process that ends loses its command line before its port. Whoever else may hold that is told of by the start.
  const free = () => claimPort(port, 'temporalPort');
  await retryUntil(free, { deadlineMs: STOP_DEADLINE_MS, pauseMs: 50 }).catch(() => undefined);
}

function readRecord(dataDir: DataDir): Partial<ServerRecord> | undefined {
  try {
    return JSON.parse(fs.readFileSync(dataDir.file('temporal.pid.json'), 'utf8')) as Partial<ServerRecord>;
  } catch {
    return undefined;
  }
}

/** The command line of a process, empty when there is none. */
function commandLine(pid: number): string {
  try {
    // Small container images have no `ps`, and Linux does not need it.
    if (process.platform === 'linux') return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
    });
  } catch {
    return '';
  }
}

/** The server appends, so that emptying the file takes effect while it runs. */
function boundLog(file: string, logger: Logger): void {
  try {
    if (fs.existsSync(file) && fs.statSync(file).size > LOG_LIMIT_BYTES) fs.truncateSync(file);
  } catch (error) {
    logger.warn({ err: error }, 'The log of Temporal could not be shortened; it is tried again.');
  }
}
