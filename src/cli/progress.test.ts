import type { Standing } from '../domain/job-course';
import { noExecutions, type ExecutionCounts, type JobStatus } from '../domain/statuses';
import { isOver, LiveLine, renderProgress, statusInWords } from './progress';

function job(
  status: JobStatus,
  executionCounts: Partial<ExecutionCounts>,
  { notLaunched = 0, forceCanceled = false } = {},
): Standing {
  const counts = { ...noExecutions(), ...executionCounts };
  const launched = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const targetCounts = { total: launched + notLaunched, launched, notLaunched };
  return { status, forceCanceled, executionCounts: counts, targetCounts };
}

describe('renderProgress', () => {
  it('shows the share at an end and the statuses that occur', () => {
    expect(renderProgress(job('IN_PROGRESS', { QUEUED: 1, IN_PROGRESS: 1, SUCCEEDED: 2 }))).toBe(
      '[############------------]  50%  SUCCEEDED 2  IN_PROGRESS 1  QUEUED 1',
    );
  });

  it('is full only when nothing is left', () => {
    expect(renderProgress(job('IN_PROGRESS', { SUCCEEDED: 999, QUEUED: 1 }))).toMatch(/-\] {2}99%/);
    expect(renderProgress(job('IN_PROGRESS', { SUCCEEDED: 1000 }))).toMatch(/#\] 100%/);
  });

  it('counts targets that are still to be launched, and says so', () => {
    expect(renderProgress(job('IN_PROGRESS', { SUCCEEDED: 75 }, { notLaunched: 4_925 }))).toBe(
      '[------------------------]   1%  SUCCEEDED 75  launching, 75 of 5,000',
    );
    expect(renderProgress(job('CANCELED', { SUCCEEDED: 75 }, { notLaunched: 4_925 }))).toBe(
      '[########################] 100%  SUCCEEDED 75  4,925 never launched',
    );
  });

  it('tells a job that has no execution yet from one that has no targets at all', () => {
    expect(renderProgress(job('IN_PROGRESS', {}, { notLaunched: 3 }))).toMatch(/-\] {3}0%/);
    expect(renderProgress(job('COMPLETED', {}))).toMatch(/#\] 100%/);
  });
});

describe('a job that was canceled', () => {
  it('is not over while executions are being canceled', () => {
    const canceling = job('CANCELED', { CANCELED: 264, QUEUED: 4_736 }, { notLaunched: 3 });
    expect(statusInWords(canceling)).toBe('CANCELED, canceling, 264 of 5,000, 3 never launched');
    expect(isOver(canceling)).toBe(false);
  });

  it('is over although devices are at work, unless they are to stop', () => {
    const counts = { CANCELED: 1, IN_PROGRESS: 2 };
    expect(isOver(job('CANCELED', counts))).toBe(true);
    expect(isOver(job('CANCELED', counts, { forceCanceled: true }))).toBe(false);
  });
});

describe('LiveLine', () => {
  function written(isTTY: boolean, ...texts: string[]): string {
    const chunks: string[] = [];
    const stream = { isTTY, columns: 8, write: (chunk: string) => chunks.push(chunk) > 0 };
    const line = new LiveLine(stream as unknown as NodeJS.WriteStream);
    texts.forEach((text) => line.show(text));
    line.end();
    return chunks.join('');
  }

  it('writes a line for each change where there is no terminal', () => {
    expect(written(false, 'one', 'one', 'two')).toBe('one\ntwo\n');
  });

  it('redraws on a terminal and keeps inside its width', () => {
    expect(written(true, 'one', 'a long line')).toBe('\r\u001b[2Kone\r\u001b[2Ka long \n');
  });
});
