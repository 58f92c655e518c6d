import { LiveLine, renderProgress } from './progress';

describe('renderProgress', () => {
  it('shows the share at an end and the statuses that occur', () => {
    expect(renderProgress({ QUEUED: 1, IN_PROGRESS: 1, SUCCEEDED: 2, FAILED: 0 }, false)).toBe(
      '[############------------]  50%  SUCCEEDED 2  IN_PROGRESS 1  QUEUED 1',
    );
  });

  it('is full only when nothing is left', () => {
    expect(renderProgress({ SUCCEEDED: 999, QUEUED: 1 }, false)).toMatch(/-\] {2}99%/);
    expect(renderProgress({ SUCCEEDED: 1000 }, true)).toMatch(/#\] 100%/);
  });

  it('tells a job that has no execution yet from one that has none at all', () => {
    expect(renderProgress({}, false)).toMatch(/-\] {3}0%/);
    expect(renderProgress({}, true)).toMatch(/#\] 100%/);
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
