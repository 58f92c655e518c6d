/** The load generator, in a process of its own so that its cost is told apart. Spoken to by the messages below. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Device, type DeviceEvents } from './device';
import { latency, type Latency } from './statistics';

export interface Member {
  thingName: string;
  credentials: { clientId: string; username: string; password: string };
}

export type ToLoad =
  | { do: 'connect'; port: number; topicPrefix: string; members: Member[]; perSecond: number }
  | { do: 'reset' }
  /** `get` of random devices, so many a second, until told otherwise with 0. */
  | { do: 'ask'; perSecond: number }
  | { do: 'report' }
  | { do: 'disconnect' };

export interface LoadReport {
  connected: number;
  notified: number;
  done: number;
  /** Milliseconds since the epoch. */
  firstNotifiedAt?: number;
  lastNotifiedAt?: number;
  lastDoneAt?: number;
  latencies: Record<'get' | 'start-next' | 'update', Latency>;
  failures: Record<string, number>;
}

const devices: Device[] = [];
let latencies = noLatencies();
let told: { notified: number; done: number; first?: number; last?: number; lastDone?: number } = {
  notified: 0,
  done: 0,
};
let failures: Record<string, number> = {};
let asking: NodeJS.Timeout | undefined;

const events: DeviceEvents = {
  notified() {
    told.notified++;
    told.first ??= Date.now();
    told.last = Date.now();
  },
  answered: (action, ms) => latencies[action].push(ms),
  done() {
    told.done++;
    told.lastDone = Date.now();
  },
  failed: (reason) => (failures[reason] = (failures[reason] ?? 0) + 1),
};

process.on('message', (message: ToLoad) => {
  void handle(message).then((answer) => process.send?.(answer));
});

async function handle(message: ToLoad): Promise<LoadReport> {
  switch (message.do) {
    case 'connect':
      await connectAll(message);
      break;
    case 'reset':
      latencies = noLatencies();
      told = { notified: 0, done: 0 };
      failures = {};
      break;
    case 'ask':
      clearInterval(asking);
      if (message.perSecond > 0) asking = setInterval(() => askOne(), 1000 / message.perSecond);
      break;
    case 'disconnect':
      for (const device of devices.splice(0)) device.close();
      break;
    case 'report':
      break;
  }
  return report();
}

async function connectAll(message: Extract<ToLoad, { do: 'connect' }>): Promise<void> {
  const { port, topicPrefix, members, perSecond } = message;
  const begin = Date.now();
  const connecting = members.map(async (member, i) => {
    await sleep(begin + (1000 * i) / perSecond - Date.now());
    const device = new Device({ port, topicPrefix, ...member, on: { ...events } });
    await device.connect();
    devices.push(device);
  });
  await Promise.all(connecting);
}

function askOne(): void {
  devices[Math.floor(Math.random() * devices.length)]?.get();
}

function report(): LoadReport {
  return {
    connected: devices.length,
    notified: told.notified,
    done: told.done,
    firstNotifiedAt: told.first,
    lastNotifiedAt: told.last,
    lastDoneAt: told.lastDone,
    latencies: {
      get: latency(latencies.get),
      'start-next': latency(latencies['start-next']),
      update: latency(latencies.update),
    },
    failures,
  };
}

function noLatencies() {
  return { get: [] as number[], 'start-next': [] as number[], update: [] as number[] };
}
