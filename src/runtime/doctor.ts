/** Looks at what a Muster stands on, compares its store with its Temporal, and mends what can be mended. */
import fs from 'node:fs';
import { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { sql } from 'kysely';
import { SEARCH_ATTRIBUTES } from '../../workflows/messages';
import { comparisons, type Comparison } from '../doctor/comparisons';
import { openConnection } from '../mqtt/connection';
import { isPostgres, missingMigrations, openStoreAsItIs, type Db } from '../store/database';
import { readTaskQueue } from '../store/installation';
import type { Config } from './config';
import { readEndpoints } from './data-dir';
import { withDeadline } from './deadline';
import { brokerAddress } from './infrastructure';
import { createPayloadCodec, payloadKeys } from './payload-codec';
import { reachPort } from './ports';
import { needsDataDir } from './roles';
import { connectToExisting, searchByAll } from './temporal-connection';
import { temporalTarget } from './temporal-target';

const CLOCKS_MAY_DIFFER_MS = 2_000;
const DISK_FREE_BYTES = 500 * 1024 * 1024;
const MEND_DEADLINE_MS = 120_000;

export interface CheckResult {
  name: string;
  ok: boolean;
  /** What is there, or what is wrong and what to do. */
  detail: string;
}

export interface Finding extends Pick<Comparison, 'kind' | 'looksAt' | 'problem' | 'remedy'> {
  lookedAt: number;
  found: number;
  mended: number;
  /** Ids of workflows, the first of those found. */
  examples: string[];
}

export interface Diagnosis {
  /** Every check is good, and nothing is left that differs. */
  healthy: boolean;
  checks: CheckResult[];
  /** One for each comparison, also where nothing was found; none where the store or Temporal can't be asked. */
  findings: Finding[];
}

export interface DiagnosisOptions {
  fix: boolean;
  /** How many of each to name. */
  examples: number;
  /** Tells what goes on, line by line. */
  onProgress: (line: string) => void;
}

/** @throws ConfigError for a configuration that Muster could not start with */
export async function diagnose(config: Config, options: DiagnosisOptions): Promise<Diagnosis> {
  const examination = new Examination(config);
  try {
    const findings = await examination.run(options);
    const { checks } = examination;
    const healthy = checks.every(({ ok }) => ok) && findings.every(({ found, mended }) => found === mended);
    return { healthy, checks, findings };
  } finally {
    await examination.close();
  }
}

class Examination {
  readonly checks: CheckResult[] = [];
  private readonly toClose: (() => Promise<unknown>)[] = [];
  private readonly target;
  private readonly codec;
  private readonly broker;

  constructor(private readonly config: Config) {
    this.target = temporalTarget(config);
    this.codec = createPayloadCodec(payloadKeys(config));
    this.broker = config.mqttUrl && brokerAddress(config, config.mqttUrl);
  }

  async run(options: DiagnosisOptions): Promise<Finding[]> {
    const db = await this.check('store', () => this.openStore());
    const client = await this.check('Temporal', () => this.openTemporal());
    if (db && isPostgres(db)) await this.check('clock', () => clockDifference(db));
    if (client) await this.check('search attributes', () => this.searchAttributes(client));
    await this.check('broker', () => this.reachBroker());
    if (needsDataDir(this.config)) await this.check('disk', () => freeSpace(this.config.dataDir));
    if (!db || !client) return [];
    const taskQueue = await readTaskQueue(db);
    const worker = await this.check('worker', () => pollers(client, taskQueue));

    const findings: Finding[] = [];
    const fix = options.fix && worker !== undefined;
    for (const comparison of comparisons({ db, client, taskQueue }))
      findings.push(await compare(comparison, { ...options, fix }));
    return findings;
  }

  async close(): Promise<void> {
    for (const close of this.toClose.reverse()) await close();
  }

  /** @returns what was asked for, or undefined where it can't be had */
  private async check<T>(
    name: string,
    ask: () => Promise<{ detail: string; value: T }>,
  ): Promise<T | undefined> {
    try {
      const { detail, value } = await ask();
      this.checks.push({ name, ok: true, detail });
      return value;
    } catch (error) {
      this.checks.push({ name, ok: false, detail: (error as Error).message });
      return undefined;
    }
  }

  private async openStore() {
    const { databaseUrl: url, dataDir, durability } = this.config;
    const file = `${dataDir}/muster.db`;
    if (!url && !fs.existsSync(file)) throw new Error(`${file} is not there: start Muster, it makes it.`);
    const db = openStoreAsItIs(url ? { url, poolSize: 2 } : { file, durability });
    this.toClose.push(() => db.destroy());
    const missing = await missingMigrations(db);
    if (missing.length > 0)
      throw new Error(`It lacks the migrations ${missing.join(', ')}: start Muster, it makes them.`);
    return { detail: url ? `PostgreSQL at ${new URL(url).host}` : file, value: db };
  }

  /** The one of the configuration, or the one that the Muster in the data directory has started. */
  private async openTemporal() {
    const { temporalNamespace: namespace, dataDir } = this.config;
    const address = readEndpoints(dataDir)?.temporal;
    const target = this.target ?? (address === undefined ? undefined : { address, tls: false as const });
    if (!target)
      throw new Error(
        `No Muster is ready in ${dataDir}: start it, or set TEMPORAL_ADDRESS or MUSTER_DATA_DIR.`,
      );
    const connection = await connectToExisting(target, namespace);
    this.toClose.push(() => connection.close());
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const days = Math.round(Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 8_640) / 10;
    const dataConverter = { payloadCodecs: [this.codec] };
    return {
      detail: `${target.address}, namespace ${namespace}, keeps closed workflows for ${days} days`,
      value: new Client({ connection, namespace, dataConverter }),
    };
  }

  private async searchAttributes({ connection }: Client) {
    const { temporalNamespace: namespace } = this.config;
    await searchByAll(connection, namespace, SEARCH_ATTRIBUTES).catch((error: unknown) => {
      throw new Error(`Not all are there: start Muster, it adds them (${(error as Error).message}).`);
    });
    return { detail: SEARCH_ATTRIBUTES.join(', '), value: true };
  }

  private async reachBroker() {
    if (this.broker) {
      const clientId = `muster-doctor-${process.pid}`;
      const connection = await openConnection(this.broker, { clientId, clean: true, sessionSeconds: 0 });
      await connection.close();
      return { detail: this.broker.url, value: true };
    }
    const mqtt = readEndpoints(this.config.dataDir)?.mqtt;
    if (!mqtt) throw new Error('The embedded broker does not run: start Muster, or set MQTT_URL.');
    const { hostname, port } = new URL(mqtt);
    await reachPort(Number(port), hostname);
    return { detail: `embedded, ${mqtt}`, value: true };
  }
}

async function clockDifference(db: Db) {
  const before = Date.now();
  const { rows } = await sql<{
    now: number;
  }>`select extract(epoch from clock_timestamp()) * 1000 as now`.execute(db);
  const after = Date.now();
  const difference = Math.round(Number(rows[0]?.now) - (before + after) / 2);
  const detail = `${difference} ms apart from the database's`;
  if (Math.abs(difference) > CLOCKS_MAY_DIFFER_MS + (after - before) / 2)
    throw new Error(`The clock of this machine is ${detail}: set both by NTP.`);
  return { detail, value: true };
}

// eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a failed check
async function freeSpace(directory: string) {
  const { bavail, bsize } = fs.statfsSync(directory);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / 1024 / 1024)} MiB free in ${directory}`;
  if (free < DISK_FREE_BYTES) throw new Error(`${detail}: make room, Muster waits while the disk is full.`);
  return { detail, value: true };
}

async function pollers({ connection, options: { namespace } }: Client, taskQueue: string) {
  const { TASK_QUEUE_TYPE_WORKFLOW: taskQueueType } = temporal.api.enums.v1.TaskQueueType;
  const asked = { namespace, taskQueue: { name: taskQueue }, taskQueueType };
  const answer = await connection.workflowService.describeTaskQueue(asked);
  const count = new Set(answer.pollers.map(({ identity }) => identity)).size;
  if (count === 0)
    throw new Error(
      `Nobody takes tasks from ${taskQueue}: start a process with the role worker. Without one nothing is mended.`,
    );
  return { detail: `${count} on the task queue ${taskQueue}`, value: count };
}

async function compare(
  comparison: Comparison,
  { fix, examples, onProgress }: DiagnosisOptions,
): Promise<Finding> {
  const { kind, looksAt, problem, remedy } = comparison;
  const finding: Finding = { kind, looksAt, problem, remedy, lookedAt: 0, found: 0, mended: 0, examples: [] };
  for await (const { lookedAt, found } of comparison.find()) {
    finding.lookedAt += lookedAt;
    finding.found += found.length;
    finding.examples.push(...found.slice(0, examples - finding.examples.length));
    if (fix && found.length > 0)
      finding.mended += await withDeadline(comparison.mend(found), MEND_DEADLINE_MS, `mending (${kind})`);
    onProgress(`${looksAt}: ${finding.lookedAt} looked at, ${finding.found} found, ${finding.mended} mended`);
  }
  return finding;
}
