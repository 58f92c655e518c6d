/**
 * Which message goes to which connection, and when: those of one session in their order, each once to a connection,
 * never more than so many that are not acknowledged. aedes carries them; it neither queues nor routes them.
 */
import type { Client } from 'aedes';
import { generate, type IPublishPacket, type QoS } from 'mqtt-packet';
import type { Message, QueuedMessage, SessionStore } from './session-store';
import type { Reception } from './topics';

/** Messages that may be under way to a client before it acknowledges one. */
const MAX_IN_FLIGHT = 1_000;
/** Messages read from a queue at a time. */
const BATCH = 100;

export class Deliveries {
  readonly #lines = new Map<string, Line>();
  #counter = 0;

  constructor(
    private readonly store: SessionStore,
    /** Messages kept for a clean session that does not acknowledge; beyond them the oldest go. */
    private readonly queueLimit: number,
  ) {}

  /** CONNACK is out: what is queued is sent, and then whatever comes. */
  begin(client: Client): void {
    const isClean = client.clean;
    const queue = isClean ? new MemoryQueue(this.queueLimit) : new StoredQueue(this.store, client.id);
    const line = new Line(client, isClean, queue);
    this.#lines.set(client.id, line);
    client.conn.once('close', () => {
      if (this.#lines.get(client.id) === line) this.#lines.delete(client.id);
    });
    line.sendQueued();
  }

  acknowledged(client: Client): void {
    const line = this.#lines.get(client.id);
    if (line?.client === client) line.acknowledged();
  }

  /**
   * Resolves when the message is on disk for every session that outlives its connection, and written to each connection
   * that waits for nothing before it.
   * @param recipients sessions by client id
   */
  async deliver(
    content: Pick<Message, 'topic' | 'payload' | 'correlationData'>,
    recipients: ReadonlyMap<string, Reception>,
  ): Promise<void> {
    const message = { ...content, brokerId: this.store.brokerId, brokerCounter: ++this.#counter };
    await Promise.all(
      [...recipients].map(([clientId, { qos, identifiers }]) =>
        this.#deliverTo(clientId, { ...message, identifiers }, qos),
      ),
    );
  }

  async #deliverTo(clientId: string, message: Message, qos: QoS): Promise<void> {
    const line = this.#lines.get(clientId);
    if (qos === 0) return line?.sendOnce(message);
    if (line?.isClean) return line.offer({ ...message, key: '', messageId: 0, dup: false });
    const queued = await this.store.enqueue(clientId, message, line !== undefined);
    await this.#lines.get(clientId)?.offer(queued);
  }
}

/** Where messages wait that a connection can't be sent yet. */
interface Queue {
  add(message: QueuedMessage): void;
  /** What comes next, and is not read again; none where the queue is at its end. */
  read(limit: number): Promise<QueuedMessage[]>;
  /** A message that need not wait is passed by the queue. @returns false where it was read from there already */
  pass(message: QueuedMessage): boolean;
  /** Before a message is sent. */
  sending(message: QueuedMessage): void;
  /** A message that is never sent. */
  drop(message: QueuedMessage): void;
}

function packetOf({ topic, payload, correlationData, identifiers = [] }: Message, qos: QoS): IPublishPacket {
  const properties = {
    ...(correlationData && { correlationData }),
    ...(identifiers.length > 0 && { subscriptionIdentifier: identifiers }),
  };
  const base = { cmd: 'publish', topic, payload, qos, dup: false, retain: false } as const;
  return Object.keys(properties).length > 0 ? { ...base, properties } : base;
}

/** The way to one connection. */
class Line {
  readonly #window: number;
  #inFlight = 0;
  #isReading = false;
  /** The queue has something that was not there when it was last read to its end. */
  #hasMore = false;

  constructor(
    readonly client: Client,
    /** The session ends with the connection, whatever DISCONNECT says. */
    readonly isClean: boolean,
    private readonly queue: Queue,
  ) {
    this.#window = Math.min(MAX_IN_FLIGHT, client.receiveMaximum ?? MAX_IN_FLIGHT);
  }

  /** At quality 0: now, or never. */
  sendOnce(message: Message): Promise<void> {
    const packet = packetOf(message, 0);
    return this.#fits(packet) ? this.#publish(packet) : Promise.resolve();
  }

  /** Resolves when the message is written, or waits its turn in the queue. */
  async offer(message: QueuedMessage): Promise<void> {
    if (this.#isReading || this.#hasMore || this.#room() === 0) {
      this.queue.add(message);
      this.#hasMore = true;
    } else if (this.queue.pass(message)) await this.#send(message);
  }

  acknowledged(): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
    // Not for each one: a look into the queue costs more than a message.
    if (this.#hasMore && this.#inFlight <= this.#window / 2) this.sendQueued();
  }

  sendQueued(): void {
    // A queue that can't be read is a connection that can't be served: the thing comes again.
    if (!this.#isReading) this.#readAndSend().catch((error: unknown) => this.client.emit('error', error));
  }

  async #readAndSend(): Promise<void> {
    this.#isReading = true;
    try {
      do {
        this.#hasMore = false;
        await this.#readToTheEnd();
      } while (this.#hasMore && this.#room() > 0);
    } finally {
      this.#isReading = false;
    }
  }

  async #readToTheEnd(): Promise<void> {
    while (this.#room() > 0) {
      const batch = await this.queue.read(Math.min(BATCH, this.#room()));
      if (batch.length === 0) return;
      for (const message of batch) await this.#send(message);
    }
    this.#hasMore = true;
  }

  #room(): number {
    return this.client.closed ? 0 : this.#window - this.#inFlight;
  }

  #send(message: QueuedMessage): Promise<void> {
    if (this.client.closed) return Promise.resolve();
    const { brokerId, brokerCounter, dup } = message;
    const packet = { ...packetOf(message, 1), dup };
    if (!this.#fits(packet)) {
      this.queue.drop(message);
      return Promise.resolve();
    }
    this.queue.sending(message);
    this.#inFlight += 1;
    return this.#publish({ ...packet, brokerId, brokerCounter });
  }

  /** A client of MQTT 5 says how large a packet may be: a larger one is dropped, as if it had been sent. */
  #fits(packet: IPublishPacket): boolean {
    const { maximumPacketSize } = this.client;
    if (maximumPacketSize === undefined) return true;
    return generate({ ...packet, messageId: 1 }, { protocolVersion: 5 }).length <= maximumPacketSize;
  }

  /** Resolves when it is written, or when the connection is gone: then it is sent to the next one. */
  #publish(packet: IPublishPacket & Partial<Pick<Message, 'brokerId' | 'brokerCounter'>>): Promise<void> {
    return new Promise((resolve) => {
      if (this.client.closed) return resolve();
      this.client.publish(packet, () => resolve());
    });
  }
}

/** Of a session that outlives its connection: on disk. */
class StoredQueue implements Queue {
  #passed = '';
  #sentBefore?: string;

  constructor(
    private readonly store: SessionStore,
    private readonly clientId: string,
  ) {}

  add(): void {
    // It is there already.
  }

  async read(limit: number): Promise<QueuedMessage[]> {
    this.#sentBefore ??= await this.store.beginSending(this.clientId);
    const messages = await this.store.read(this.clientId, this.#passed, limit, this.#sentBefore);
    this.#passed = messages.at(-1)?.key ?? this.#passed;
    return messages;
  }

  pass({ key }: QueuedMessage): boolean {
    if (key <= this.#passed) return false;
    this.#passed = key;
    return true;
  }

  sending(message: QueuedMessage): void {
    this.store.sending(this.clientId, message);
  }

  drop(message: QueuedMessage): void {
    this.store.drop(message);
  }
}

/** Of a session that ends with its connection. */
class MemoryQueue implements Queue {
  readonly #messages: QueuedMessage[] = [];

  constructor(private readonly limit: number) {}

  add(message: QueuedMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > this.limit) this.#messages.shift();
  }

  read(limit: number): Promise<QueuedMessage[]> {
    return Promise.resolve(this.#messages.splice(0, limit));
  }

  pass(): boolean {
    return true;
  }

  sending(): void {
    // Nothing to remember.
  }

  drop(): void {
    // Nor here.
  }
}
