/** What EMQX tells of connections: topics below `$SYS/brokers/{node}/clients/{clientid}`. Other brokers have none. */
import { z } from 'zod';
import { userNameOf } from '../domain/user-names';
import type { ConnectionChange } from '../store/connections';

export const CONNECTION_EVENTS = [
  '$SYS/brokers/+/clients/+/connected',
  '$SYS/brokers/+/clients/+/disconnected',
];

/** A second connection took the place of this one, so the thing is connected still. */
const TAKEN_OVER = ['takenover', 'takeovered', 'discarded'];

const event = z.object({
  username: z.string().transform(userNameOf).pipe(z.string().min(1)),
  /** Epoch milliseconds. */
  ts: z.int(),
  reason: z.string().optional(),
});

/** @returns undefined for whatever is no news about the connection of a thing: its user name is its name */
export function parseConnectionEvent(topic: string, payload: Buffer): ConnectionChange | undefined {
  const [, what] = /^\$SYS\/brokers\/[^/]+\/clients\/.+\/(connected|disconnected)$/.exec(topic) ?? [];
  const parsed = event.safeParse(readJson(payload));
  if (what === undefined || !parsed.success) return undefined;
  const { username: thingName, ts: at, reason } = parsed.data;
  if (what === 'disconnected' && reason !== undefined && TAKEN_OVER.includes(reason)) return undefined;
  return { thingName, connected: what === 'connected', at };
}

function readJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
