import type { ChildProcess } from 'node:child_process';

/** Sees to it that a child process does not outlive this one, whichever way this one exits (but kill -9). */
export function endWithUs(child: ChildProcess): void {
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}
