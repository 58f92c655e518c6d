/** What can be asked of a Muster that can't start yet: whether it lives, and what it waits for. */
import type { Logger } from 'pino';
import { createWaiting } from '../api/app';
import type { Config } from './config';
import { createReadinessCheck, type Checks } from './health';
import { startHttpServer, type HttpServer } from './http-server';
import { createMetrics } from './metrics';

export interface WaitingRoom {
  /** Listens on the HTTP port. It is no fault where that can't be: the start will tell of it. */
  open(): Promise<void>;
  /** Leaves the port to those who wait; it is not opened again. */
  close(): Promise<void>;
}

/** @param checks of what the start waits for */
export function createWaitingRoom(
  { httpHost: host, httpPort: port }: Config,
  checks: Checks,
  log: Logger,
): WaitingRoom {
  const checkReady = createReadinessCheck({ ...checks, start: () => 'waiting' });
  const nothing = () => Promise.resolve({ jobs: {}, executions: {} });
  let server: HttpServer | undefined;
  let closed = false;
  return {
    async open() {
      if (server !== undefined || closed) return;
      const metrics = createMetrics({ countStatuses: nothing, checkReady });
      server = await startHttpServer(createWaiting({ health: { checkReady }, metrics, log }), {
        host,
        port,
      }).catch(() => undefined);
    },
    async close() {
      closed = true;
      await server?.stop();
    },
  };
}
