/** Raw Temporal on the server and the worker settings of Muster. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { meterCpu } from '../processes';
import type { Subject } from '../subject';
import { limitFor } from '../wait';

const PAGE_SIZE = 200;

/** One job of raw Temporal. */
export interface CeilingRun {
  devices: number;
  devicesPerSecond: number;
  /** Milliseconds of CPU for each device. */
  cpuMs: { temporal: number; worker: number };
}

export interface Ceiling {
  run(devices: number): Promise<CeilingRun>;
  stop(): Promise<void>;
}

/** Muster is up beside it and idle: it brings the server, with its settings. */
export async function startCeiling(subject: Subject): Promise<Ceiling> {
  const child = fork(path.join(__dirname, 'worker.js'), [subject.temporalAddress]);
  await once(child, 'message');
  let runs = 0;
  return {
    async run(devices) {
      const cpu = meterCpu({ temporal: subject.pids().temporal, worker: child.pid ?? 0 });
      child.send({ run: String(runs++), devices, pageSize: Math.min(PAGE_SIZE, devices) });
      const signal = AbortSignal.timeout(limitFor(devices));
      const [{ seconds }] = (await once(child, 'message', { signal })) as [{ seconds: number }];
      const { temporal, worker } = cpu();
      const each = (total: number) => (1000 * total) / devices;
      return {
        devices,
        devicesPerSecond: devices / seconds,
        cpuMs: { temporal: each(temporal), worker: each(worker) },
      };
    },
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
