/** Raw Temporal on the server and the worker settings of Muster. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { meterCpu } from '../processes';
import { spread, type Spread } from '../statistics';
import { startSubject } from '../subject';
import { limitFor } from '../wait';

const PAGE_SIZE = 200;

export interface Ceiling {
  devices: number;
  devicesPerSecond: Spread;
  /** Milliseconds of CPU for each device. */
  cpuMs: { temporal: number; worker: number };
}

/** Muster is up beside it and idle: it brings the server, with its settings. */
export async function measureCeiling(devices: number, repeats: number): Promise<Ceiling> {
  const subject = await startSubject();
  const child = fork(path.join(__dirname, 'worker.js'), [subject.temporalAddress]);
  try {
    await once(child, 'message');
    const run = async (name: string, count: number): Promise<number> => {
      child.send({ run: name, devices: count, pageSize: PAGE_SIZE });
      const signal = AbortSignal.timeout(limitFor(count));
      const [{ seconds }] = (await once(child, 'message', { signal })) as [{ seconds: number }];
      return seconds;
    };
    await run('warm-up', PAGE_SIZE);
    const cpu = meterCpu({ temporal: subject.pids().temporal, worker: child.pid ?? 0 });
    const rates: number[] = [];
    for (let i = 0; i < repeats; i++) rates.push(devices / (await run(`run-${i}`, devices)));
    const used = cpu();
    const perDevice = (seconds: number) => (1000 * seconds) / (devices * repeats);
    return {
      devices,
      devicesPerSecond: spread(rates),
      cpuMs: { temporal: perDevice(used.temporal), worker: perDevice(used.worker) },
    };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
    await subject.stop();
  }
}
