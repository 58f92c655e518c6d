import { setTimeout as sleep } from 'node:timers/promises';
import { Device, type DeviceCredentials } from './device';
import type { DevicePlan } from './plan';

/** One thing of a fleet. */
export interface FleetMember {
  thingName: string;
  credentials: DeviceCredentials;
  plan: DevicePlan;
}

export interface FleetOptions {
  /** The broker, e.g. `mqtt://127.0.0.1:1883`. */
  url: string;
  /** What stands before the things' names in their topics. Default `$emqx/things`. */
  topicPrefix?: string;
  /** Devices that connect per second at most. Default 100. */
  connectsPerSecond?: number;
  /** Milliseconds without an answer after which a device repeats a request. Default 15,000. */
  answerTimeoutMs?: number;
}

/** A fleet at one moment. */
export interface FleetCounts {
  devices: number;
  connected: number;
  /** Devices that are taking, running or reporting a job. */
  working: number;
  /** Executions by the status last accepted from their device. */
  statuses: Record<string, number>;
}

/** Many simulated devices in one process: tried with 2,500. */
export class Fleet {
  readonly devices: Device[];
  private readonly stopping = new AbortController();
  private remaining: number;

  constructor(
    private readonly members: FleetMember[],
    private readonly options: FleetOptions,
  ) {
    this.devices = members.map((member) => new Device({ ...options, ...member }));
    this.remaining = members.length;
  }

  /**
   * Connects the devices at a bounded rate, each when its plan says; resolves when the last one was told to connect,
   * or the fleet was stopped.
   */
  async start(): Promise<void> {
    const gapMs = 1000 / (this.options.connectsPerSecond ?? 100);
    const begin = Date.now();
    let slot = begin;
    for (const { device, dueMs } of this.inOrderOfArrival()) {
      slot = Math.max(slot + gapMs, begin + dueMs);
      if (!(await this.waitUntil(slot))) return;
      device.connect();
      this.remaining--;
    }
  }

  counts(): FleetCounts {
    const counts: FleetCounts = { devices: this.devices.length, connected: 0, working: 0, statuses: {} };
    for (const device of this.devices) {
      if (device.connected) counts.connected++;
      if (device.working) counts.working++;
      for (const status of device.outcomes.values()) {
        counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** Everybody has come, and nobody is taking, running or reporting a job. */
  get idle(): boolean {
    return this.remaining === 0 && this.devices.every((device) => device.connected && !device.working);
  }

  /** What last went wrong on each device that has had trouble. */
  troubles(): { thingName: string; trouble: string }[] {
    return this.devices.flatMap(({ thingName, trouble }) => (trouble ? [{ thingName, trouble }] : []));
  }

  /** Disconnects every device within a few seconds. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  private inOrderOfArrival(): { device: Device; dueMs: number }[] {
    return this.members
      .map(({ plan }, index) => ({ device: this.devices[index] as Device, dueMs: plan.connectAfterMs }))
      .sort((one, other) => one.dueMs - other.dueMs);
  }

  private async waitUntil(time: number): Promise<boolean> {
    const ms = time - Date.now();
    // Timers are at least 1 ms long, so at high rates several devices share one.
    if (ms >= 1) await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    return !this.stopping.signal.aborted;
  }
}
