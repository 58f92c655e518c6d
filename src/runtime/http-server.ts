import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenError, reachableHost } from './ports';

/** No request may take longer to arrive, the largest body on a slow line included. */
const REQUEST_TIMEOUT_MS = 60_000;
/** After a stop, requests under way may finish for so long. */
const DRAIN_MS = 3_000;

export interface HttpServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves `app`; port 0 picks a free one.
 * @throws ConfigError when the port is taken, or the host is none of this machine's.
 */
export async function startHttpServer(
  app: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, app);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, { host, port }, 'http');
  }
  return {
    url: `http://${reachableHost(host)}:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearTimeout(cutOff);
    },
  };
}
