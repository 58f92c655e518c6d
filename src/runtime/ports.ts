import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { CONFIG_OPTIONS, ConfigError, type ConfigKey } from './config';

/** Where the embedded Temporal listens, and everything else unless it's told: one machine, nobody else. */
export const HOST = '127.0.0.1';

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, HOST);
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** Turns a failed listen into a sentence for the operator; anything else stays what it is. */
export function portError(error: unknown, port: number, option: ConfigKey): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const { env } = CONFIG_OPTIONS[option];
  if (code === 'EADDRINUSE')
    return new ConfigError(
      `port ${port} (${env}) is taken; stop what listens there or set ${env} to another port, 0 for any.`,
    );
  if (code === 'EACCES')
    return new ConfigError(
      `port ${port} (${env}) may not be opened by this user; set ${env} to one above 1023.`,
    );
  return error;
}

/** The same for a server of our own, whose address may be at fault as well. */
export function listenError(
  error: unknown,
  { host, port }: { host: string; port: number },
  server: 'http' | 'mqtt',
): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAFNOSUPPORT'].includes(code))
    return portError(error, port, `${server}Port`);
  const { env } = CONFIG_OPTIONS[`${server}Host`];
  return new ConfigError(`${env} "${host}" is no address of this machine; name one, or 0.0.0.0 for all.`);
}

/** A host of a URL under which a server that listens on `host` is reached from this machine. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return HOST;
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * The port that a child process is to listen on: the one asked for when it is free, any free one for 0.
 * Another process can take it before the child does; the caller tries again.
 * @throws ConfigError when the port asked for is taken.
 */
export async function claimPort(port: number, option: ConfigKey): Promise<number> {
  try {
    const server = await listen(port);
    const address = server.address();
    await close(server);
    return typeof address === 'object' && address ? address.port : port;
  } catch (error) {
    throw portError(error, port, option);
  }
}

/** `count` free ports, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  await Promise.all(servers.map(close));
  return ports;
}

/** Resolves when something accepts connections on the port, rejects when nothing does. */
export async function reachPort(port: number, host: string): Promise<void> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
