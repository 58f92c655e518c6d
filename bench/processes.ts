/** What a process has used, as Linux tells. */
import fs from 'node:fs';

/** Kernel ticks a second; Linux tells user space 100 on every machine. */
const TICKS = 100;

/** Seconds of CPU over its whole life, of all its threads. */
export function cpuSeconds(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field may hold blanks; it ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** MiB that it holds in memory now. */
export function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** CPU that each process uses from now until the returned function is called, in seconds. */
export function meterCpu<Name extends string>(pids: Record<Name, number>): () => Record<Name, number> {
  const entries = Object.entries<number>(pids);
  const before = new Map(entries.map(([name, pid]) => [name, cpuSeconds(pid)]));
  return () =>
    Object.fromEntries(
      entries.map(([name, pid]) => [name, cpuSeconds(pid) - (before.get(name) ?? 0)]),
    ) as Record<Name, number>;
}
