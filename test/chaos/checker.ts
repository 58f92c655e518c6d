/** Holds what Muster says against what its devices and its operator have written down. */
import { executionWorkflowId } from '../../workflows/messages';
import { attemptsOf, TERMINAL, type Transition } from './attempts';
import type { AcceptedOfThing } from './device-log';
import type { Membership } from './membership';
import type { KnownJob } from './operator';
import type { OperatorClient } from './operator-client';
import { brokenRules, FOLLOWS_WITHIN_MS } from './rules';
import { struckBetween, type Strike } from './strikes';

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

/** What is known from outside. */
export interface Witness {
  jobs: readonly KnownJob[];
  accepted: readonly AcceptedOfThing[];
  membership: Membership;
  strikes: readonly Strike[];
}

interface Examination extends Witness {
  client: OperatorClient;
  reports: Map<string, AcceptedOfThing[]>;
  findings: Findings;
}

/** What may follow after a device's last accepted report, if it was no terminal one. */
const NOT_BY_DEVICE = new Set(['TIMED_OUT', 'CANCELED', 'REMOVED']);
/** Beside the time in which something was struck. After it, a task that was lost comes back only after a pause. */
const MAX_LATE_MS = 60_000;
const MINUTE_MS = 60_000;
const SIDE_BY_SIDE = 20;

export async function check(client: OperatorClient, witness: Witness): Promise<Findings> {
  const findings: Findings = {
    jobs: 0,
    executions: 0,
    transitions: 0,
    byStatus: {},
    lateMs: [],
    workflowIds: [],
    violations: [],
  };
  const reports = groupBy(witness.accepted, ({ jobId, thingName }) => `${jobId} ${thingName}`);
  const examination = { ...witness, client, reports, findings };
  for (const job of witness.jobs) await checkJob(examination, job);
  return findings;
}

async function checkJob(examination: Examination, job: KnownJob): Promise<void> {
  const { client, findings } = examination;
  const violation = (text: string) => findings.violations.push(`job ${job.jobId}: ${text}`);
  for (const text of lateStarts(examination, job)) violation(text);
  const { status, body } = await client.call('GET', `/jobs/${job.jobId}`);
  if (job.deletedAt !== undefined) {
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
  const listed = new Set(executions.map(({ thingName }) => thingName as string));
  if (job.jobType === 'SNAPSHOT') for (const text of wrongTargets(job, body, listed)) violation(text);
  for (let i = 0; i < executions.length; i += SIDE_BY_SIDE) {
    const some = executions.slice(i, i + SIDE_BY_SIDE);
    await Promise.all(some.map((execution) => checkExecution(examination, job, execution)));
  }
}

/** Each of the job's things has its execution, was never launched before the job was over, or had its record deleted. */
function wrongTargets(
  { thingNames, deletedExecutions, perhapsDeleted }: KnownJob,
  {
    status,
    targetCounts,
  }: { status: string; targetCounts: { total: number; launched: number; notLaunched: number } },
  listed: ReadonlySet<string>,
): string[] {
  const wrong: string[] = [];
  const { total, launched, notLaunched } = targetCounts;
  const foreign = [...listed].filter((name) => !thingNames.includes(name));
  if (foreign.length > 0) wrong.push(`has executions for others: ${foreign.join(' ')}`);
  const back = [...listed].filter((name) => deletedExecutions.has(name));
  if (back.length > 0) wrong.push(`has records that were deleted: ${back.join(' ')}`);
  const missing = thingNames.filter(
    (name) => !listed.has(name) && !deletedExecutions.has(name) && !perhapsDeleted.has(name),
  );
  if (total !== thingNames.length || launched + notLaunched !== total)
    wrong.push(`has ${thingNames.length} things, and counts ${JSON.stringify(targetCounts)}`);
  if (status === 'COMPLETED' && notLaunched > 0)
    wrong.push(`is COMPLETED, and ${notLaunched} were never launched`);
  if (missing.length > notLaunched)
    wrong.push(`has launched all but ${notLaunched}, and these are missing: ${missing.join(' ')}`);
  return wrong;
}

/** What a device took up long after it was told that its job is over. */
function lateStarts(
  { accepted, strikes }: Examination,
  { jobId, canceledAt, deletedAt }: KnownJob,
): string[] {
  const over = Math.min(canceledAt ?? Infinity, deletedAt ?? Infinity);
  const begun = new Set<string>();
  const late: string[] = [];
  for (const report of accepted) {
    if (report.jobId !== jobId) continue;
    const attempt = `${report.thingName} ${report.executionNumber}`;
    const isStart = !begun.has(attempt) && report.status === 'IN_PROGRESS' && report.versionNumber === 2;
    begun.add(attempt);
    const slack = FOLLOWS_WITHIN_MS + struckBetween(strikes, over, report.heardAt);
    if (isStart && report.heardAt > over + slack)
      late.push(`was started by ${attempt} ${report.heardAt - over} ms after it was over`);
  }
  return late;
}

async function checkExecution(examination: Examination, job: KnownJob, listed: any): Promise<void> {
  const { client, findings } = examination;
  const { thingName } = listed as { thingName: string };
  const violation = (text: string) => {
    findings.violations.push(`job ${job.jobId}, ${thingName}: ${text}`);
    findings.workflowIds.push(executionWorkflowId(job.jobId, thingName));
  };
  const { status: found, body } = await client.call('GET', `/jobs/${job.jobId}/executions/${thingName}`);
  if (found !== 200) return void violation(`is listed, and is not there: ${found}`);
  const { status, executionNumber, versionNumber } = body;
  const transitions = body.transitions as Transition[];
  findings.transitions += transitions.length;
  if (!TERMINAL.has(status)) violation(`is stuck ${status} since ${body.lastUpdatedAt}`);

  const attempts = attemptsOf(transitions);
  for (const { number, transitions: ofAttempt } of attempts) {
    const versions = ofAttempt.map((transition) => transition.versionNumber);
    if (versions.some((version, i) => version !== i + 1))
      violation(`attempt ${number} has the versions ${versions.join(' ')}`);
    const early = ofAttempt.slice(0, -1).find(({ to }) => TERMINAL.has(to));
    if (early) violation(`attempt ${number} went on after ${early.to}`);
  }
  const latest = attempts.find(({ number }) => number === executionNumber)?.last;
  if (latest?.to !== status || latest?.versionNumber !== versionNumber)
    violation(
      `is ${status} at version ${versionNumber}, and its last transition is ${JSON.stringify(latest)}`,
    );
  for (const text of brokenRules(job, thingName, attempts, examination)) violation(text);
  checkReports(examination, job, body, violation);
  checkTimer(examination, job, body, violation);
}

function checkReports(
  { reports: all }: Examination,
  job: KnownJob,
  { thingName, status, executionNumber, transitions }: any,
  violation: (text: string) => void,
): void {
  // What was reported before its record was deleted is not to be found.
  if (job.deletedExecutions.has(thingName) || job.perhapsDeleted.has(thingName)) return;
  const reports = all.get(`${job.jobId} ${thingName}`) ?? [];
  for (const report of reports) {
    const recorded = (transitions as Transition[]).find(
      (one) => one.executionNumber === report.executionNumber && one.versionNumber === report.versionNumber,
    );
    if (recorded?.to !== report.status)
      violation(`${JSON.stringify(report)} was accepted, and the record is ${JSON.stringify(recorded)}`);
  }
  const last = reports.filter((report) => report.executionNumber === executionNumber).at(-1);
  if (last && last.status !== status && (TERMINAL.has(last.status) || !endsWithout(status, transitions)))
    violation(`is ${status}, and its device was last accepted ${last.status}`);
}

/** By somebody else, or by a report whose answer the device has not lived to hear. */
function endsWithout(status: string, transitions: any[]): boolean {
  return NOT_BY_DEVICE.has(status) || transitions.at(-1).by === 'device';
}

function checkTimer(
  { strikes, findings }: Examination,
  job: KnownJob,
  execution: any,
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
