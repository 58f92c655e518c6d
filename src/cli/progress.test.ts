import { LiveLine, renderProgress } from './progress';

describe('renderProgress', () => {
  it('shows the share at an end and the statuses that occur', () => {
    expect(renderProgress({ QUEUED: 1, IN_PROGRESS: 1, SUCCEEDED: 2, FAILED: 0 })).toBe(
      '[############------------]  50%  SUCCEEDED 2  IN_PROGRESS 1  QUEUED 1',
    );
  });

  it('is full only when nothing is left', () => {
    expect(renderProgress({ SUCCEEDED: 999, QUEUED: 1 })).toMatch(/-\] {2}99%/);
    expect(renderProgress({ SUCCEEDED: 1000 })).toMatch(/#\] 100%/);
    expect(renderProgress({})).toMatch(/#\] 100%/);
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
