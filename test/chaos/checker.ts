/** Holds what Muster says against what its devices and its operator have written down. */
import { executionWorkflowId } from '../../workflows/messages';
import type { AcceptedOfThing } from './device-log';
import type { KnownJob } from './operator';
import type { OperatorClient } from './operator-client';

export interface Findings {
  jobs: number;
  executions: number;
  transitions: number;
  byStatus: Record<string, number>;
  /** Milliseconds that each timer fired after its time. */
  lateMs: number[];
  /** The workflows of the executions that violate something. */
  workflowIds: string[];
  violations: string[];
}

/** When a part was struck, and when it was mended. */
export interface Strike {
  from: number;
  to: number;
}

/** What is known from outside. */
interface Witness {
  reports: Map<string, AcceptedOfThing[]>;
  strikes: readonly Strike[];
}

const TERMINAL = new Set(['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED', 'REMOVED']);
/** What may follow after a device's last accepted report, if it was no terminal one. */
const NOT_BY_DEVICE = new Set(['TIMED_OUT', 'CANCELED', 'REMOVED']);
/** Beside the time in which something was struck. After it, a task that was lost comes back only after a pause. */
const MAX_LATE_MS = 60_000;
const MINUTE_MS = 60_000;
const SIDE_BY_SIDE = 20;

export async function check(
  client: OperatorClient,
  jobs: readonly KnownJob[],
  accepted: readonly AcceptedOfThing[],
  strikes: readonly Strike[],
): Promise<Findings> {
  const findings: Findings = {
    jobs: 0,
    executions: 0,
    transitions: 0,
    byStatus: {},
    lateMs: [],
    workflowIds: [],
    violations: [],
  };
  const reports = groupBy(accepted, ({ jobId, thingName }) => `${jobId} ${thingName}`);
  for (const job of jobs) await checkJob(client, job, { reports, strikes }, findings);
  return findings;
}

async function checkJob(
  client: OperatorClient,
  job: KnownJob,
  witness: Witness,
  findings: Findings,
): Promise<void> {
  const violation = (text: string) => findings.violations.push(`job ${job.jobId}: ${text}`);
  const { status, body } = await client.call('GET', `/jobs/${job.jobId}`);
  if (job.deleted) {
    if (status !== 404) violation(`was deleted, and ${status} ${body.status} is still there`);
    return;
  }
  if (status !== 200) return void violation(`was accepted, and is not there: ${status}`);
  findings.jobs++;
  if (body.status === 'IN_PROGRESS') violation(`is stuck: ${JSON.stringify(body.executionCounts)}`);

  const executions: any[] = [];
  for await (const item of client.list(`/jobs/${job.jobId}/executions`)) executions.push(item);
  findings.executions += executions.length;
  const tally: Record<string, number> = {};
  for (const execution of executions) tally[execution.status] = (tally[execution.status] ?? 0) + 1;
  for (const [name, n] of Object.entries<number>(body.executionCounts)) {
    findings.byStatus[name] = (findings.byStatus[name] ?? 0) + n;
    if (n !== (tally[name] ?? 0)) violation(`counts ${n} ${name}, and lists ${tally[name] ?? 0}`);
  }
  if (job.jobType === 'SNAPSHOT') {
    const listed = new Set(executions.map(({ thingName }) => thingName as string));
    const missing = job.thingNames.filter((name) => !listed.has(name));
    if (missing.length > 0 || listed.size !== job.thingNames.length)
      violation(
        `has ${listed.size} executions for ${job.thingNames.length} things; missing: ${missing.join(' ')}`,
      );
  }
  for (let i = 0; i < executions.length; i += SIDE_BY_SIDE) {
    await Promise.all(
      executions
        .slice(i, i + SIDE_BY_SIDE)
        .map((execution) => checkExecution(client, job, execution, witness, findings)),
    );
  }
}

async function checkExecution(
  client: OperatorClient,
  job: KnownJob,
  listed: any,
  witness: Witness,
  findings: Findings,
): Promise<void> {
  const reports = witness.reports.get(`${job.jobId} ${listed.thingName}`) ?? [];
  const violation = (text: string) => {
    findings.violations.push(`job ${job.jobId}, ${listed.thingName}: ${text}`);
    findings.workflowIds.push(executionWorkflowId(job.jobId, listed.thingName));
  };
  const { body } = await client.call('GET', `/jobs/${job.jobId}/executions/${listed.thingName}`);
  const { status, executionNumber, versionNumber, transitions } = body;
  findings.transitions += transitions.length;
  if (!TERMINAL.has(status)) violation(`is stuck ${status} since ${body.lastUpdatedAt}`);

  const attempts = groupBy(transitions as any[], (transition) => String(transition.executionNumber));
  for (const [attempt, ofAttempt] of attempts) {
    const versions = ofAttempt.map((transition) => transition.versionNumber as number);
    if (versions.some((version, i) => version !== i + 1))
      violation(`attempt ${attempt} has the versions ${versions.join(' ')}`);
    const early = ofAttempt.slice(0, -1).find(({ to }) => TERMINAL.has(to as string));
    if (early) violation(`attempt ${attempt} went on after ${early.to}`);
  }
  const latest = attempts.get(String(executionNumber))?.at(-1);
  if (latest?.to !== status || latest?.versionNumber !== versionNumber)
    violation(
      `is ${status} at version ${versionNumber}, and its last transition is ${JSON.stringify(latest)}`,
    );

  for (const report of reports) {
    const recorded = attempts
      .get(String(report.executionNumber))
      ?.find((transition) => transition.versionNumber === report.versionNumber);
    if (recorded?.to !== report.status)
      violation(`${JSON.stringify(report)} was accepted, and the record is ${JSON.stringify(recorded)}`);
  }
  const last = reports.filter((report) => report.executionNumber === executionNumber).at(-1);
  if (last && last.status !== status && (TERMINAL.has(last.status) || !endsWithout(status, transitions)))
    violation(`is ${status}, and its device was last accepted ${last.status}`);
  checkTimer(job, body, witness, findings, violation);
}

/** By somebody else, or by a report whose answer the device has not lived to hear. */
function endsWithout(status: string, transitions: any[]): boolean {
  return NOT_BY_DEVICE.has(status) || transitions.at(-1).by === 'device';
}

function checkTimer(
  job: KnownJob,
  execution: any,
  { strikes }: Witness,
  findings: Findings,
  violation: (text: string) => void,
): void {
  if (execution.status !== 'TIMED_OUT') return;
  const [since, minutes] = execution.startedAt
    ? [execution.startedAt, job.inProgressTimeoutInMinutes]
    : [execution.queuedAt, job.queuedTimeoutInMinutes];
  const due = Date.parse(since) + minutes * MINUTE_MS;
  const finished = Date.parse(execution.finishedAt);
  const lateMs = finished - due;
  findings.lateMs.push(lateMs);
  if (lateMs < 0) violation(`timed out ${-lateMs} ms too early`);
  const struckMs = struckBetween(strikes, due, finished);
  if (lateMs > MAX_LATE_MS + struckMs)
    violation(`timed out ${lateMs} ms late, in ${struckMs} ms of which something was struck`);
}

/** Milliseconds between two times in which anything was struck; strikes that overlap count once. */
function struckBetween(strikes: readonly Strike[], since: number, until: number): number {
  let total = 0;
  let counted = since;
  for (const { from, to } of [...strikes].sort((one, other) => one.from - other.from)) {
    const begin = Math.max(from, counted);
    const end = Math.min(to, until);
    if (end <= begin) continue;
    total += end - begin;
    counted = end;
  }
  return total;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
