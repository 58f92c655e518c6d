/** The API over a store of its own, where Temporal and the broker are not at hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { createApi } from '../../src/api/app';
import { createEventHub, type EventHub, type EventHubOptions } from '../../src/api/event-hub';
import type { JobCommands } from '../../src/api/job-commands';
import type { DeviceService } from '../../src/devices/service';
import { ensureAdminKey } from '../../src/store/api-keys';
import { createPayloadCodec } from '../../src/runtime/payload-codec';
import { openStore, type Db } from '../../src/store/database';

export const ADMIN = { apiKey: 'admin', apiSecret: 'a secret of some length' };

export interface TestApi {
  db: Db;
  /** Without a path. */
  url: string;
  /** Where the console is looked for; empty. */
  consoleDir: string;
  events: EventHub;
  stop(): Promise<void>;
}

/** @param store closed by `stop`; an SQLite file in memory when left out */
export async function openApi({
  db: given,
  knowsConnections = true,
  proxies = 0,
  ...eventOptions
}: Partial<EventHubOptions> & { knowsConnections?: boolean; proxies?: number } = {}): Promise<TestApi> {
  const db = given ?? (await openStore({ file: ':memory:' }));
  const consoleDir = mkdtempSync(path.join(tmpdir(), 'muster-console-'));
  await ensureAdminKey(db, ADMIN);
  const log = pino({ level: 'silent' });
  const events = createEventHub({ db, log, ...eventOptions });
  const app = createApi({
    ...{ db, log, events, consoleDir, knowsConnections, proxies },
    commands: { membershipChanged: () => undefined } as unknown as JobCommands,
    devices: {} as DeviceService,
    health: { checkReady: () => Promise.resolve({ ready: true, checks: {} }) },
    metrics: { render: () => Promise.resolve(''), contentType: 'text/plain' },
    codec: createPayloadCodec([]),
    about: {
      temporal: { namespace: 'default', uiUrl: null },
      mqtt: { url: 'mqtt://127.0.0.1:1883', topicPrefixes: ['$emqx/things'] },
    },
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ db, consoleDir, events },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      events.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await db.destroy();
      rmSync(consoleDir, { recursive: true });
    },
  };
}

export function basic({ apiKey, apiSecret } = ADMIN): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}` };
}
