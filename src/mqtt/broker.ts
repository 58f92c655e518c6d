/** The MQTT broker as the roles use it, wherever it runs. */
import type { Publisher } from '../devices/publisher';
import type { Reply } from '../../workflows/messages';

/**
 * Serves one message of a thing. It is acknowledged when this resolves; when it throws, it is not, so that it comes
 * again.
 * @param reply where else the answer is wanted, and with what (MQTT 5)
 * @param isLastTry it failed again and again while others were served: it is to be answered whatever is wrong with it
 */
export type RequestHandler = (
  topic: string,
  payload: Buffer,
  thingName: string,
  isLastTry?: boolean,
  reply?: Reply,
) => Promise<void>;

export interface Broker extends Publisher {
  /** From now on the requests of things are served here. @returns URL at which things find the broker */
  serve(onRequest: RequestHandler): Promise<string>;
  /** Takes no more requests; resolves when those in hand are acknowledged. `publish` still works. */
  stopServing(): Promise<void>;
  /** Rejects where things could not reach it, or Muster could not. */
  check(): Promise<void>;
  /** Of the embedded broker only: another one knows its connections and sessions alone. */
  sessions?: DeviceSessions;
  close(): Promise<void>;
}

export interface DeviceSessions {
  /** Closes a thing's connections: its credentials were renewed or revoked. Its session stays. */
  disconnect(thingName: string): void;
  /** Closes a deleted thing's connections and ends its session. */
  forget(thingName: string): Promise<void>;
}
