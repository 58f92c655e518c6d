import { courseOf, neverLaunched, stillToLaunch, type Standing } from '../domain/job-course';
import { EXECUTION_STATUSES, isTerminal, PENDING_STATUSES, type ExecutionStatus } from '../domain/statuses';

/** Executions by status; one that is left out counts as none. */
export type Counts = Partial<Record<string, number>>;

/** Those at an end first. */
const STATUSES = [...EXECUTION_STATUSES.filter(isTerminal), ...PENDING_STATUSES];
const WIDTH = 24;

/** `[######------]  50%  SUCCEEDED 5  FAILED 1  QUEUED 6`: the bar is the share of the targets that is at an end. */
export function renderProgress(job: Standing): string {
  const counts = job.executionCounts;
  const total = sum(counts, EXECUTION_STATUSES) + stillToLaunch(job);
  const done = sum(counts, EXECUTION_STATUSES.filter(isTerminal));
  // A job may have no target at all.
  const share = total === 0 ? Number(isOver(job)) : done / total;
  // Rounded down: a full bar means that nothing is left.
  const filled = Math.floor(share * WIDTH);
  const bar = '#'.repeat(filled) + '-'.repeat(WIDTH - filled);
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  return [`[${bar}] ${percent}`, ...statusCounts(counts), ...course(job)].join('  ');
}

/** At an end, with nothing under way that the job itself does. Devices of a canceled job may be at work still. */
export function isOver(job: Standing): boolean {
  return job.status !== 'IN_PROGRESS' && courseOf(job) === undefined;
}

/** `CANCELED, canceling, 264 of 5,000`: the status with what it does not tell. */
export function statusInWords(job: Standing): string {
  return [job.status, ...course(job)].join(', ');
}

function course(job: Standing): string[] {
  const underWay = courseOf(job);
  const never = neverLaunched(job);
  return [
    ...(underWay
      ? [`${underWay.kind.toLowerCase()}, ${number(underWay.done)} of ${number(underWay.total)}`]
      : []),
    ...(never > 0 ? [`${number(never)} never launched`] : []),
  ];
}

const number = (n: number) => n.toLocaleString('en');

/** The statuses that occur, each with its number. */
export function statusCounts(counts: Counts): string[] {
  return STATUSES.filter((status) => counts[status]).map((status) => `${status} ${counts[status]}`);
}

function sum(counts: Counts, statuses: readonly ExecutionStatus[]): number {
  return statuses.reduce((total, status) => total + (counts[status] ?? 0), 0);
}

/** Text that changes: redrawn in place on a terminal, else a line for each change. */
export class LiveLine {
  private last = '';

  constructor(private readonly stream: NodeJS.WriteStream = process.stdout) {}

  show(text: string): void {
    if (text === this.last) return;
    this.last = text;
    if (!this.stream.isTTY) this.stream.write(`${text}\n`);
    // A line that wraps cannot be redrawn.
    else this.stream.write(`\r\u001b[2K${text.slice(0, (this.stream.columns || 80) - 1)}`);
  }

  /** What is printed next begins on a line of its own. */
  end(): void {
    if (this.stream.isTTY && this.last !== '') this.stream.write('\n');
    this.last = '';
  }
}
