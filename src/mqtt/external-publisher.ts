/** Answers and notifications through an external broker, by a connection of their own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Publisher } from '../devices/publisher';
import { openConnection, type BrokerAddress, type Connection } from './connection';

/** Between two tries to reach a broker that is away. */
const RETRY_MS = 1_000;

export interface ExternalPublisher extends Publisher {
  isConnected(): boolean;
  close(): Promise<void>;
}

/**
 * Keeps a connection open. While there is none, `publish` rejects: what publishes is an activity, which is tried again
 * until the broker is back.
 */
export function createExternalPublisher(address: BrokerAddress, log: Logger): ExternalPublisher {
  const stopping = new AbortController();
  let connection: Connection | undefined;

  async function keepOpen(): Promise<void> {
    let wasAway = false;
    while (!stopping.signal.aborted) {
      try {
        const clientId = `muster-publisher-${randomUUID()}`;
        connection = await openConnection(address, { clientId, clean: true, sessionSeconds: 0 });
        if (stopping.signal.aborted) await connection.close();
        log[wasAway ? 'warn' : 'info']({ url: address.url }, 'Connected to the MQTT broker');
        wasAway = false;
        await connection.closed;
        if (!stopping.signal.aborted) log.warn({ url: address.url }, 'The MQTT broker closed the connection');
      } catch (error) {
        if (!wasAway)
          log.error({ err: error }, 'The MQTT broker cannot be reached; trying again each second');
        wasAway = true;
      }
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
  const running = keepOpen();

  return {
    isConnected: () => connection?.isOpen() ?? false,
    async publish(topic, json) {
      if (!connection) throw new Error('The MQTT broker is out of reach.');
      await connection.publish(topic, json);
    },
    async close() {
      stopping.abort();
      await connection?.close();
      await running;
    },
  };
}
