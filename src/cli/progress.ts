import {
  EXECUTION_STATUSES,
  isLaunching,
  isTerminal,
  PENDING_STATUSES,
  type ExecutionStatus,
  type JobStatus,
  type TargetCounts,
} from '../domain/statuses';

/** Executions by status; one that is left out counts as none. */
export type Counts = Partial<Record<string, number>>;

/** Those at an end first. */
const STATUSES = [...EXECUTION_STATUSES.filter(isTerminal), ...PENDING_STATUSES];
const WIDTH = 24;

/** A job as it stands; what is left out of the counts counts as none. */
export interface Progress {
  status: JobStatus;
  executionCounts: Counts;
  targetCounts: TargetCounts;
}

/** `[######------]  50%  SUCCEEDED 5  FAILED 1  QUEUED 6`: the bar is the share of the targets that is at an end. */
export function renderProgress(job: Progress): string {
  const { status, executionCounts: counts } = job;
  const ended = status !== 'IN_PROGRESS';
  const toCome = ended ? 0 : job.targetCounts.notLaunched;
  const total = sum(counts, EXECUTION_STATUSES) + toCome;
  const done = sum(counts, EXECUTION_STATUSES.filter(isTerminal));
  // A job may have no target at all.
  const share = total === 0 ? Number(ended) : done / total;
  // Rounded down: a full bar means that nothing is left.
  const filled = Math.floor(share * WIDTH);
  const bar = '#'.repeat(filled) + '-'.repeat(WIDTH - filled);
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  return [`[${bar}] ${percent}`, ...statusCounts(counts), ...launching(job)].join('  ');
}

/** `launching, 75 of 5,000`, or how many never were launched; nothing where all are. */
export function launching({ status, targetCounts }: Omit<Progress, 'executionCounts'>): string[] {
  const { total, launched, notLaunched } = targetCounts;
  if (notLaunched === 0) return [];
  return isLaunching({ status, targetCounts })
    ? [`launching, ${number(launched)} of ${number(total)}`]
    : [`${number(notLaunched)} never launched`];
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
