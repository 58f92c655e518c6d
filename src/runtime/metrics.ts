import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Readiness } from './health';
import { keptFor } from './kept';

/** Anybody may ask, as often as they like: counting goes through all jobs, and the text is long. */
const COUNTS_KEPT_MS = 10_000;
const TEXT_KEPT_MS = 1_000;

/** How many jobs and executions stand in each status. */
export interface StatusCounts {
  jobs: Record<string, number>;
  executions: Record<string, number>;
}

/** The measurements of a Muster process. */
export interface Metrics {
  /** Transitions (one if not said) were recorded, progress reports among them. */
  transition(to: string, count?: number): void;
  /** The bridge answered a device: `kind` is what was asked, `answer` is `accepted`, the code of a rejection, or `taken` by a workflow that answers. */
  bridgeMessage(kind: string, answer: string): void;
  /** The embedded broker refused a connection, a publication or a subscription. */
  mqttRefused(what: 'connect' | 'publish' | 'subscribe'): void;
  /** How many sessions at an external broker this process serves now. */
  bridgeSessions(connected: number): void;
  /** From a device's report coming in to its `accepted` going out. */
  reportAccepted(seconds: number): void;
  /** Everything in Prometheus text, Temporal's worker included: as of a second ago, jobs and executions of ten. */
  render(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsSources {
  countStatuses: () => Promise<StatusCounts>;
  checkReady: () => Promise<Readiness>;
  /** URL of the worker's own metrics in Prometheus text, where the process has one. */
  workerMetricsUrl?: string;
}

export function createMetrics({ countStatuses, checkReady, workerMetricsUrl }: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const ready = new Gauge({
    name: 'muster_ready',
    help: '1 for each part that the process needs and has, 0 where it lacks it: what /readyz says.',
    labelNames: ['part'],
    registers,
  });
  const jobs = new Gauge({ name: 'muster_jobs', help: 'Jobs by status.', labelNames: ['status'], registers });
  const executions = new Gauge({
    name: 'muster_executions',
    help: 'Executions by status.',
    labelNames: ['status'],
    registers,
  });
  const transitions = new Counter({
    name: 'muster_transitions_total',
    help: 'Transitions recorded, by the status after it; progress reports are among them.',
    labelNames: ['to'],
    registers,
  });
  const bridgeMessages = new Counter({
    name: 'muster_bridge_messages_total',
    help: 'Device requests by kind and answer.',
    labelNames: ['kind', 'answer'],
    registers,
  });
  const mqttRefusals = new Counter({
    name: 'muster_mqtt_refused_total',
    help: 'What the embedded MQTT broker refused: connect, publish, subscribe.',
    labelNames: ['what'],
    registers,
  });
  const bridgeSessions = new Gauge({
    name: 'muster_bridge_sessions',
    help: 'Sessions at an external MQTT broker that this process is connected to.',
    registers,
  });
  const reportLatency = new Histogram({
    name: 'muster_report_accepted_seconds',
    help: "From a device's report coming in to its accepted going out.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });

  const counted = keptFor(COUNTS_KEPT_MS, countStatuses);

  async function render(): Promise<string> {
    const [readiness, counts, worker] = await Promise.all([
      checkReady(),
      counted().catch(() => UNKNOWN),
      fetchText(workerMetricsUrl),
    ]);
    for (const [part, result] of Object.entries(readiness.checks))
      ready.set({ part }, result === 'ok' ? 1 : 0);
    setAll(jobs, counts.jobs);
    setAll(executions, counts.executions);
    return `${await registry.metrics()}\n${worker}`;
  }

  return {
    transition: (to, count = 1) => transitions.inc({ to }, count),
    bridgeMessage: (kind, answer) => bridgeMessages.inc({ kind, answer }),
    mqttRefused: (what) => mqttRefusals.inc({ what }),
    bridgeSessions: (connected) => bridgeSessions.set(connected),
    reportAccepted: (seconds) => reportLatency.observe(seconds),
    render: keptFor(TEXT_KEPT_MS, render),
    contentType: registry.contentType,
  };
}

function setAll(gauge: Gauge<'status'>, counts: Record<string, number>): void {
  gauge.reset();
  for (const [status, count] of Object.entries(counts)) gauge.set({ status }, count);
}

/** The store is out of reach: the other measurements are told all the more. */
const UNKNOWN: StatusCounts = { jobs: {}, executions: {} };

/** Muster's own numbers are worth showing even when the worker's can't be had. */
async function fetchText(url: string | undefined): Promise<string> {
  if (url === undefined) return '';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}
