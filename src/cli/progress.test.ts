import { LiveLine, renderProgress } from './progress';

const counts = (launched: number, notLaunched = 0) => ({
  total: launched + notLaunched,
  launched,
  notLaunched,
});

describe('renderProgress', () => {
  it('shows the share at an end and the statuses that occur', () => {
    expect(
      renderProgress({
        status: 'IN_PROGRESS',
        executionCounts: { QUEUED: 1, IN_PROGRESS: 1, SUCCEEDED: 2, FAILED: 0 },
        targetCounts: counts(4),
      }),
    ).toBe('[############------------]  50%  SUCCEEDED 2  IN_PROGRESS 1  QUEUED 1');
  });

  it('is full only when nothing is left', () => {
    const almost = { SUCCEEDED: 999, QUEUED: 1 };
    const running = { status: 'IN_PROGRESS', targetCounts: counts(1000) } as const;
    expect(renderProgress({ ...running, executionCounts: almost })).toMatch(/-\] {2}99%/);
    expect(renderProgress({ ...running, executionCounts: { SUCCEEDED: 1000 } })).toMatch(/#\] 100%/);
  });

  it('counts targets that are still to be launched, and says so', () => {
    const launching = { executionCounts: { SUCCEEDED: 75 }, targetCounts: counts(75, 4925) };
    expect(renderProgress({ ...launching, status: 'IN_PROGRESS' })).toBe(
      '[------------------------]   1%  SUCCEEDED 75  launching, 75 of 5,000',
    );
    expect(renderProgress({ ...launching, status: 'CANCELED' })).toBe(
      '[########################] 100%  SUCCEEDED 75  4,925 never launched',
    );
  });

  it('tells a job that has no execution yet from one that has no targets at all', () => {
    expect(
      renderProgress({ status: 'IN_PROGRESS', executionCounts: {}, targetCounts: counts(0, 3) }),
    ).toMatch(/-\] {3}0%/);
    expect(renderProgress({ status: 'COMPLETED', executionCounts: {}, targetCounts: counts(0) })).toMatch(
      /#\] 100%/,
    );
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
