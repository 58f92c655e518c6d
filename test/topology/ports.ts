/** Ports that parts keep over restarts. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that outgoing connections are given, which could take one while its part is down. */
const FROM = 20_000;
const TO = 32_000;

/** `count` free ports, all different. Temporal's membership table holds no port above 32,767. */
export async function stablePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
