/** Servers that refuse to run as root run as their own user where we are root. */
import { execFileSync } from 'node:child_process';

/** @returns the user to run as, who owns `directory` from now on; undefined where we are not root */
export function runAs(user: string, directory: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  execFileSync('chown', ['-R', `${user}:`, directory]);
  return { uid: id('-u'), gid: id('-g') };
}
