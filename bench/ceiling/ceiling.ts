/** Raw Temporal on the server and the worker settings of Muster. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { meterCpu } from '../processes';
import { spread, type Spread } from '../statistics';
import { startSubject } from '../subject';
import { limitFor } from '../wait';

const PAGE_SIZE = 200;

/** Of a job of so many devices. */
export interface Ceiling {
  devices: number;
  devicesPerSecond: Spread;
  /** Milliseconds of CPU for each device. */
  cpuMs: { temporal: number; worker: number };
}

/** @returns the ceiling for jobs of so many things: that of the next smaller size that was measured */
export function ceilingFor(things: number, ceilings: readonly Ceiling[]): Ceiling {
  const [smallest] = ceilings;
  const fitting = ceilings.findLast(({ devices }) => devices <= things) ?? smallest;
  if (!fitting) throw new Error('No ceiling was measured.');
  return fitting;
}

/**
 * Muster is up beside it and idle: it brings the server, with its settings.
 * @param sizes ascending
 */
export async function measureCeilings(sizes: readonly number[], repeats: number): Promise<Ceiling[]> {
  const subject = await startSubject();
  const child = fork(path.join(__dirname, 'worker.js'), [subject.temporalAddress]);
  try {
    await once(child, 'message');
    const run = async (name: string, count: number): Promise<number> => {
      child.send({ run: name, devices: count, pageSize: Math.min(PAGE_SIZE, count) });
      const signal = AbortSignal.timeout(limitFor(count));
      const [{ seconds }] = (await once(child, 'message', { signal })) as [{ seconds: number }];
      return seconds;
    };
    const measure = async (devices: number): Promise<Ceiling> => {
      const cpu = meterCpu({ temporal: subject.pids().temporal, worker: child.pid ?? 0 });
      const rates: number[] = [];
      for (let i = 0; i < repeats; i++) rates.push(devices / (await run(`${devices}-${i}`, devices)));
      const used = cpu();
      const perDevice = (seconds: number) => (1000 * seconds) / (devices * repeats);
      return {
        devices,
        devicesPerSecond: spread(rates),
        cpuMs: { temporal: perDevice(used.temporal), worker: perDevice(used.worker) },
      };
    };
    await run('warm-up', PAGE_SIZE);
    const ceilings: Ceiling[] = [];
    for (const devices of sizes) ceilings.push(await measure(devices));
    return ceilings;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
    await subject.stop();
  }
}
