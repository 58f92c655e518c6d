import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenError, reachableHost } from './ports';

/** What one client can cost at most, however slow or silent it is. Times are in ms. */
export interface HttpLimits {
  /** From the connection, or the request before, to the last header. */
  headersTimeout: number;
  /** No request may take longer to arrive, the largest body on a slow line included. */
  requestTimeout: number;
  /** How often slow requests are looked for. */
  connectionsCheckingInterval: number;
  /** Between two requests: longer than proxies keep a connection that they reuse (nginx 60 s). */
  keepAliveTimeout: number;
  /** Without a byte in either direction, so that who does not read an answer is let go. */
  idleTimeout: number;
  /** Open at once; more are closed as they come. */
  maxConnections: number;
  /** Bytes of the first line and all headers. */
  maxHeaderSize: number;
}

const LIMITS: HttpLimits = {
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 65_000,
  idleTimeout: 120_000,
  maxConnections: 10_000,
  maxHeaderSize: 16 * 1024,
};
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
  limits: HttpLimits = LIMITS,
): Promise<HttpServer> {
  const { idleTimeout, maxConnections, ...options } = limits;
  const server = createServer(options, app);
  server.setTimeout(idleTimeout);
  server.maxConnections = maxConnections;
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
