/** One connection to an external broker. It is never opened again by itself: whoever needs it opens the next one. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

const CONNECT_TIMEOUT_MS = 10_000;
/** A broker that is gone without a word is noticed after one and a half of these. */
const KEEPALIVE_SECONDS = 20;
const CLOSE_TIMEOUT_MS = 1_000;
/** Longer than this a broker does not take to acknowledge; the message is then published again. */
const PUBLISH_TIMEOUT_MS = 5_000;
const SUBSCRIBE_TIMEOUT_MS = 10_000;
/** Messages on their way to the broker at the same time, where the broker does not want fewer. */
const MAX_IN_FLIGHT = 200;
/** Messages that the broker may send ahead of their acknowledgement: each may be as large as a packet. */
const RECEIVE_MAXIMUM = 20;
const MAX_PACKET_BYTES = 2 * 1024 * 1024;

/** An external broker and who Muster is there. */
export interface BrokerAddress {
  /** mqtt, mqtts, ws or wss; without credentials. */
  url: string;
  username?: string;
  password?: string;
  /** Of MQTT: 4 is 3.1.1. */
  protocolVersion: 4 | 5;
  /** PEM: whom to trust beside the system's authorities, and who Muster is. */
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
}

export interface ConnectionOptions {
  clientId: string;
  /** Whether the broker is to forget what it kept for this client id. */
  clean: boolean;
  /** How long the broker keeps the session after the connection (MQTT 5; with 3.1.1 as long as it likes). */
  sessionSeconds: number;
  /**
   * Serves a message, which is acknowledged when this resolves, and never when it rejects. The next message of the
   * connection is served after that.
   */
  onMessage?: (topic: string, payload: Buffer) => Promise<void>;
}

export interface Connection {
  /** Resolves when it is closed, by whomever. */
  readonly closed: Promise<void>;
  isOpen(): boolean;
  /** @throws where the broker refuses one of them */
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** At QoS 1, not retained. Resolves when the broker has acknowledged it. */
  publish(topic: string, payload: string): Promise<void>;
  /** The broker keeps the session as agreed. */
  close(): Promise<void>;
}

/** @throws where the broker is out of reach or refuses the connection; the message holds no secret */
export async function openConnection(
  address: BrokerAddress,
  options: ConnectionOptions,
): Promise<Connection> {
  const client = mqtt.connect(address.url, { ...clientOptions(address, options), manualConnect: true });
  // Without a listener a fault of the line would end the process; `close` follows it.
  client.on('error', () => undefined);
  /** When the latest message was served; undefined while one is being served. */
  let servedAt: number | undefined = 0;
  client.handleMessage = (packet, done) => {
    servedAt = undefined;
    options
      .onMessage?.(packet.topic, packet.payload as Buffer)
      .finally(() => (servedAt = Date.now()))
      .then(
        () => client.connected && done(),
        () => undefined,
      );
  };
  /** What the broker answers stands behind the messages that it has sent before, which are served one by one. */
  const silentFor = () => (servedAt === undefined ? 0 : Date.now() - servedAt);
  const closed = new Promise<void>((resolve) => void client.once('close', () => resolve()));
  const receiveMaximum = await connected(client, address);
  const publishes = new InFlight(Math.min(MAX_IN_FLIGHT, receiveMaximum));
  client.once('close', () => publishes.end(new Error('The connection to the MQTT broker was closed.')));

  return {
    closed,
    isOpen: () => client.connected,
    async subscribe(filters) {
      const grants = await withinSilence(client.subscribeAsync([...filters], { qos: 1 }), silentFor);
      const refused = grants.filter(({ qos }) => qos >= 128).map(({ topic }) => topic);
      if (refused.length > 0)
        throw new Error(`The MQTT broker refuses subscriptions to ${refused.join(', ')}.`);
    },
    async unsubscribe(filters) {
      await withinSilence(client.unsubscribeAsync([...filters]), silentFor);
    },
    publish: (topic, payload) =>
      publishes.run((done) => void client.publish(topic, payload, { qos: 1, retain: false }, done)),
    async close() {
      if (client.connected) client.end();
      await within(closed, CLOSE_TIMEOUT_MS).catch(() => client.end(true));
    },
  };
}

function clientOptions(address: BrokerAddress, options: ConnectionOptions): IClientOptions {
  const { username, password, protocolVersion, tls } = address;
  const { clientId, clean, sessionSeconds } = options;
  return {
    ...{ username, password, protocolVersion, clientId, clean, ...tls },
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    queueQoSZero: false,
    ...(protocolVersion === 5 && {
      properties: {
        sessionExpiryInterval: sessionSeconds,
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumPacketSize: MAX_PACKET_BYTES,
      },
    }),
  };
}

/** @returns how many messages the broker takes ahead of its acknowledgements */
async function connected(client: MqttClient, { url }: BrokerAddress): Promise<number> {
  const connack = new Promise<number>((resolve, reject) => {
    client.once('connect', ({ properties }) => resolve(properties?.receiveMaximum ?? MAX_IN_FLIGHT));
    client.once('error', reject);
    client.once('close', () => reject(new Error('the connection was closed')));
  });
  client.connect();
  try {
    const receiveMaximum = await within(connack, CONNECT_TIMEOUT_MS);
    // Messages are small and many: none is to wait for the acknowledgement of the one before.
    (client.stream as Partial<Socket>).setNoDelay?.(true);
    return receiveMaximum;
  } catch (error) {
    client.end(true);
    const reason =
      error instanceof Error && error.message ? error.message : String((error as { code?: string }).code);
    throw new Error(`The MQTT broker ${url} is out of reach: ${reason}.`, { cause: error });
  }
}

/** Publishes as many at a time as the broker takes, each within its limit. */
class InFlight {
  private readonly waiting: (() => void)[] = [];
  private readonly open = new Set<(error: Error) => void>();
  private running = 0;
  private ended?: Error;

  constructor(private readonly limit: number) {}

  run(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const settle = (error?: Error | null) => {
        if (!this.open.delete(settle)) return;
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(() => settle(tookTooLong(PUBLISH_TIMEOUT_MS)), PUBLISH_TIMEOUT_MS);
      this.open.add(settle);
      this.waiting.push(() => {
        // Given up while it waited: whoever wanted it tries again.
        if (!this.open.has(settle)) return;
        this.running += 1;
        start((error) => {
          this.running -= 1;
          settle(error);
          this.next();
        });
      });
      this.next();
    });
  }

  end(error: Error): void {
    this.ended = error;
    for (const settle of this.open) settle(error);
  }

  private next(): void {
    while (this.running < this.limit && this.waiting.length > 0) this.waiting.shift()?.();
  }
}

/** The limit counts while the broker says nothing at all. */
async function withinSilence<T>(work: Promise<T>, silentFor: () => number): Promise<T> {
  for (let leftMs = SUBSCRIBE_TIMEOUT_MS; ; leftMs = SUBSCRIBE_TIMEOUT_MS - silentFor()) {
    const late = Symbol('late');
    const outcome = await Promise.race([work, sleep(leftMs, late, { ref: false })]);
    if (outcome !== late) return outcome;
    if (silentFor() >= SUBSCRIBE_TIMEOUT_MS) throw tookTooLong(SUBSCRIBE_TIMEOUT_MS);
  }
}

async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tookTooLong(limitMs)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tookTooLong(limitMs: number): Error {
  return new Error(`The MQTT broker did not answer within ${limitMs / 1000} s.`);
}
