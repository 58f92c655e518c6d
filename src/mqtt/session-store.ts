/** The sessions of things: their subscriptions and what is queued for them, on disk. */
import { Readable } from 'node:stream';
import AsyncLevelPersistence from 'aedes-persistence-level/asyncPersistence.js';
import { decode, encode } from 'msgpack-lite';
import type { Client, Subscription } from 'aedes';
import type { QoS } from 'mqtt-packet';
import type { SessionDatabase } from './session-database';
import { receptionOf, type Reception } from './topics';

type SessionRef = AsyncLevelPersistence.SessionRef;
type ClientSubscription = AsyncLevelPersistence.ClientSubscription;
type IncomingPacket = { qos: QoS; messageId?: number };

/** A queue is measured again after so many messages, so it may stand this much over its limit. */
const TRIM_EVERY = 100;
const HIGHEST_MESSAGE_ID = 65_535;
/** How often sessions are looked through for those that have expired. */
const EXPIRE_EVERY_MS = 1_000;
/** Messages at QoS 2 of one connection that wait for PUBREL. */
const MAX_UNRELEASED = 1_000;
/** The library's keys hold numbers of this length. */
const COUNTER_DIGITS = 16;

/** A session that outlives its connection. */
interface Session {
  clientId: string;
  thingName: string;
  /** MQTT 5: seconds that it outlives its connection; for ever where it is left out. */
  expirySeconds?: number;
  /** When its connection ended, in epoch milliseconds; left out while it is connected. */
  endedAt?: number;
}

/** A message of Muster to a thing. The run of the broker and its counter make the order of a queue. */
export interface Message {
  topic: string;
  payload: Buffer;
  /** Of the request that this answers (MQTT 5). */
  correlationData?: Buffer;
  /** Of the subscriptions that match (MQTT 5). */
  identifiers?: number[];
  brokerId: string;
  brokerCounter: number;
}

export interface QueuedMessage extends Message {
  /** Where it lies in the queue: later messages have higher keys. */
  key: string;
  messageId: number;
  /** It may have been sent before. */
  dup: boolean;
}

/** An earlier version wrote no message id. `dup` is for a later run only: this one knows what it has sent. */
type QueueRecord = Message & { messageId?: number; dup: boolean };

export interface SessionStoreOptions {
  /** Of this run of the broker: later runs have higher ones, so that what they queue comes later. */
  brokerId: string;
  /** Messages kept for one session; beyond them the oldest go. */
  queueLimit: number;
  /** Whether the connected client was granted this filter. */
  isGranted(client: SessionRef, filter: string): boolean;
  /** The thing that a topic or a filter belongs to. */
  ownerOf(topic: string): string | undefined;
  /** CONNACK is out: from now on the client may be sent messages. */
  onReady(client: Client): void;
  /** The client has taken a message. */
  onAcknowledged(client: Client): void;
  /** Something that nobody waits for could not be written. */
  onFailed(error: unknown): void;
}

/** Messages of a session that were sent and not acknowledged yet. */
interface InFlight {
  keyOf: Map<number, string>;
  idOf: Map<string, number>;
}

/**
 * aedes-persistence-level for what aedes keeps by itself, and the queues of Muster's own messages:
 * - Muster queues a message and hands it to its connection (deliveries.ts), so aedes has nothing to queue
 * - a queue has a limit; a message that is delivered costs one write and a share of another: what was acknowledged goes
 *   a moment later, many at once
 * - a message has its id from the moment when it is queued, and keeps it until it is acknowledged, also over a restart
 * - refused filters aren't kept: aedes hands over every filter of a SUBSCRIBE as soon as one of them is granted
 */
export class SessionStore extends AsyncLevelPersistence {
  readonly #db: SessionDatabase;
  readonly #options: SessionStoreOptions;
  /** By client id. */
  readonly #sessions = new Map<string, Session>();
  /** The client id of each thing's session. */
  readonly #sessionOf = new Map<string, string>();
  /** Client ids of the sessions that are away and expire. */
  readonly #expiring = new Set<string>();
  #expiryTimer?: NodeJS.Timeout;
  /** Sessions that are being ended: their successors wait. */
  readonly #ending = new Map<string, Promise<void>>();
  /** Identifiers of the messages at QoS 2 that were served and not released yet, by connection or session. */
  readonly #received = new WeakMap<SessionRef, Set<number>>();
  /** Subscriptions by the thing that they belong to. */
  readonly #subscriptions = new Map<string, ClientSubscription[]>();
  /** The SUBSCRIBE packets that are being stored. */
  readonly #stored = new WeakMap<Subscription[], Promise<void>>();
  readonly #inFlight = new Map<string, InFlight>();
  /** The last message id that was given out, by session. */
  readonly #lastMessageId = new Map<string, Promise<{ value: number }>>();
  /** Messages queued by session since its queue was last measured. */
  readonly #queuedSince = new Map<string, number>();

  readonly brokerId: string;

  constructor(db: SessionDatabase, options: SessionStoreOptions) {
    super(db);
    this.brokerId = options.brokerId;
    this.#db = db;
    this.#options = options;
  }

  override async setup(broker: unknown): Promise<void> {
    await super.setup(broker);
    for await (const record of this.#db.values({ gte: 'session:', lt: 'session;' })) {
      const session = JSON.parse(record) as Session;
      const { expirySeconds, endedAt = Date.now() } = session;
      // A connection that a kill has ended counts from this start on.
      this.#note(expirySeconds === undefined ? session : { ...session, endedAt });
    }
    for (const id of await this.#subscribedIds()) {
      const subscriptions = await super.subscriptionsByClient({ id });
      this.#index(id, subscriptions);
      const thingName = this.#options.ownerOf(subscriptions[0]?.topic ?? '');
      // An earlier version kept subscriptions alone.
      if (!this.#sessions.has(id) && thingName !== undefined) this.keep({ clientId: id, thingName });
    }
    await this.#expire();
    this.#expiryTimer = setInterval(
      () => void this.#expire().catch((error: unknown) => this.#options.onFailed(error)),
      EXPIRE_EVERY_MS,
    ).unref();
  }

  /** Before the database is closed. */
  stop(): void {
    clearInterval(this.#expiryTimer);
  }

  /** aedes calls this for every granted filter of a SUBSCRIBE, each time with all of them. */
  override addSubscriptions(client: SessionRef, subs: Subscription[]): Promise<void> {
    const stored = this.#stored.get(subs) ?? this.#addGranted(client, subs);
    this.#stored.set(subs, stored);
    return stored;
  }

  async #addGranted(client: SessionRef, subs: Subscription[]): Promise<void> {
    const granted = subs.filter(({ topic }) => this.#options.isGranted(client, topic));
    await super.addSubscriptions(client, granted);
    this.#index(client.id, granted);
  }

  override async removeSubscriptions(client: SessionRef, topics: string[]): Promise<void> {
    await super.removeSubscriptions(client, topics);
    for (const topic of topics) this.#remove(client.id, topic);
  }

  /** aedes calls this for a clean session, and where one ends: nothing of it is left. */
  override cleanSubscriptions(client: SessionRef): Promise<void> {
    const ending = this.#clean(client).finally(() => {
      if (this.#ending.get(client.id) === ending) this.#ending.delete(client.id);
    });
    this.#ending.set(client.id, ending);
    return ending;
  }

  async #clean(client: SessionRef): Promise<void> {
    const subscriptions = await super.subscriptionsByClient(client);
    await this.removeSubscriptions(
      client,
      subscriptions.map(({ topic }) => topic),
    );
    await this.cleanIncoming(client);
    await this.#empty(client.id);
  }

  /** Nobody: what a thing publishes goes to nobody, and what Muster publishes does not come this way. */
  override subscriptionsByTopic(): Promise<ClientSubscription[]> {
    return Promise.resolve([]);
  }

  /** What aedes is given to send lies in the queue already. */
  override outgoingEnqueue(): Promise<void> {
    return Promise.resolve();
  }

  /** aedes would send these, in a way of its own, right behind CONNACK. */
  override outgoingStream(client: SessionRef): Readable {
    // Also where it ends a session, to empty its queue.
    if (!(client as Client).closed) this.#options.onReady(client as Client);
    return Readable.from([]);
  }

  /** aedes is about to send this one: under the id that it has in the queue. */
  override outgoingUpdate({ id }: SessionRef, packet: AsyncLevelPersistence.OutgoingPacket): Promise<void> {
    if (packet.cmd === 'publish') packet.messageId = this.#inFlight.get(id)?.idOf.get(queueKey(id, packet));
    return Promise.resolve();
  }

  override outgoingClearMessageId(client: SessionRef, { messageId }: { messageId?: number }): Promise<void> {
    if (messageId === undefined) return Promise.resolve();
    const inFlight = this.#inFlight.get(client.id);
    const key = inFlight?.keyOf.get(messageId);
    if (key !== undefined) {
      this.#land(client.id, key);
      this.#db.deleteLater(key);
    }
    this.#options.onAcknowledged(client as Client);
    return Promise.resolve();
  }

  /** How each session that outlives its connection gets a topic, if at all. */
  recipients(topic: string): Map<string, Reception> {
    const subscriptions = this.#of(topic);
    const recipients = new Map<string, Reception>();
    for (const clientId of new Set(subscriptions.map((sub) => sub.clientId))) {
      const own = subscriptions.filter((sub) => sub.clientId === clientId);
      const reception = receptionOf(own, topic);
      if (reception !== undefined) recipients.set(clientId, reception);
    }
    return recipients;
  }

  /**
   * Resolves when the message is on disk.
   * @param isConnected it will be sent at once: should Muster be killed, nobody knows whether it was
   */
  async enqueue(clientId: string, message: Message, isConnected: boolean): Promise<QueuedMessage> {
    const messageId = await this.#newMessageId(clientId);
    const key = queueKey(clientId, message);
    const record: QueueRecord = { ...message, messageId, dup: isConnected };
    await this.#db.put(key, encode(record) as unknown as string, { valueEncoding: 'buffer' });
    const queued = (this.#queuedSince.get(clientId) ?? 0) + 1;
    this.#queuedSince.set(clientId, queued % TRIM_EVERY);
    if (queued === TRIM_EVERY) await this.#trim(clientId, this.#options.queueLimit);
    return { ...message, key, messageId, dup: false };
  }

  /**
   * Before a queue is sent: should Muster be killed, whatever lies in it now may have been sent.
   * @returns the last key of which that was true before
   */
  async beginSending(clientId: string): Promise<string> {
    const [last] = await this.#db.keys({ ...queueRange(clientId), reverse: true, limit: 1 }).all();
    if (last === undefined) return '';
    const before = (await this.#db.get(sentKey(clientId))) ?? '';
    if (last > before) await this.#db.put(sentKey(clientId), last);
    return before;
  }

  /**
   * Reads on in a queue.
   * @param after the last key that was read
   * @param sentBefore what `beginSending` returned
   */
  async read(clientId: string, after: string, limit: number, sentBefore: string): Promise<QueuedMessage[]> {
    const { gte, lt } = queueRange(clientId);
    // Of this moment, as what is read is: they may be written before all is read.
    const going = this.#db.going();
    const range = after === '' ? { gte, lt } : { gt: after, lt };
    const messages: QueuedMessage[] = [];
    for await (const [key, value] of this.#db.iterator<string, Buffer>({
      ...range,
      valueEncoding: 'buffer',
    })) {
      if (going.has(key)) continue;
      const { messageId, dup, ...message } = decode(value) as QueueRecord;
      const sentAs = this.#inFlight.get(clientId)?.idOf.get(key);
      messages.push({
        ...message,
        key,
        messageId: sentAs ?? messageId ?? (await this.#newMessageId(clientId)),
        // Of this run it is known; of an earlier one, what may have been is taken for what was.
        dup: sentAs !== undefined || (message.brokerId !== this.brokerId && (dup || key <= sentBefore)),
      });
      if (messages.length === limit) break;
    }
    return messages;
  }

  /** Before a queued message is handed to aedes. */
  sending(clientId: string, { key, messageId }: QueuedMessage): void {
    const inFlight = this.#inFlight.get(clientId) ?? { keyOf: new Map(), idOf: new Map() };
    this.#inFlight.set(clientId, inFlight);
    inFlight.keyOf.set(messageId, key);
    inFlight.idOf.set(key, messageId);
  }

  /** A message that can't be sent to this client: it is not tried again. */
  drop({ key }: QueuedMessage): void {
    this.#db.deleteLater(key);
  }

  /** Whether a message at QoS 2 was served already, and only its acknowledgement was lost. */
  async hasReceived(client: SessionRef, { qos, messageId }: IncomingPacket): Promise<boolean> {
    if (qos !== 2 || messageId === undefined) return false;
    const unreleased = this.#received.get(client);
    if (unreleased?.has(messageId)) return true;
    if (unreleased && unreleased.size >= MAX_UNRELEASED) throw new Error('too many messages wait for PUBREL');
    return this.incomingGetPacket(client, { messageId }).then(
      () => true,
      () => false,
    );
  }

  /** aedes notes it down a moment later, and on disk. */
  received(client: SessionRef, { qos, messageId }: IncomingPacket): void {
    if (qos !== 2 || messageId === undefined) return;
    this.#received.set(client, (this.#received.get(client) ?? new Set()).add(messageId));
  }

  override async incomingDelPacket(client: SessionRef, packet: { messageId: number }): Promise<void> {
    // What can't be deleted now is deleted by its next PUBREL, or with its session; aedes would end the process.
    await super.incomingDelPacket(client, packet).catch((error: unknown) => this.#options.onFailed(error));
    this.#received.get(client)?.delete(packet.messageId);
  }

  /** The session outlives its connection, which begins now. */
  keep(session: Session): void {
    const kept = this.#sessions.get(session.clientId);
    this.#note(session);
    const isAsWritten = kept?.expirySeconds === session.expirySeconds && kept?.endedAt === undefined;
    if (kept === undefined || !isAsWritten) this.#write(session);
  }

  /** The connection of a session has ended. @param expirySeconds as the client wants it by now */
  leave(clientId: string, expirySeconds: number | undefined): void {
    const kept = this.#sessions.get(clientId);
    if (kept === undefined) return;
    const { thingName } = kept;
    const expiring = expirySeconds !== undefined && { expirySeconds, endedAt: Date.now() };
    const session = { clientId, thingName, ...expiring };
    this.#note(session);
    if (expiring || kept.expirySeconds !== undefined) this.#write(session);
  }

  /** Nobody waits for it: where it fails, the next start takes what was written before. */
  #write(session: Session): void {
    this.#db
      .put(sessionKey(session.clientId), JSON.stringify(session))
      .catch((error: unknown) => this.#options.onFailed(error));
  }

  async #expire(): Promise<void> {
    for (const clientId of this.#expiring) if (this.#hasExpired(clientId)) await this.#end(clientId);
  }

  #hasExpired(clientId: string): boolean {
    const { endedAt = Infinity, expirySeconds = Infinity } = this.#sessions.get(clientId) ?? {};
    return endedAt + expirySeconds * 1000 <= Date.now();
  }

  /**
   * A thing has one session, and nobody else's: its client id may have changed, or been another thing's before.
   * @param clientId of the thing that is about to connect
   */
  async claim(clientId: string, thingName: string): Promise<void> {
    await this.#ending.get(clientId);
    const isOthers = (this.#sessions.get(clientId)?.thingName ?? thingName) !== thingName;
    if (isOthers || this.#hasExpired(clientId)) await this.#end(clientId);
    // It may go on from here.
    this.#expiring.delete(clientId);
    if (this.#sessionOf.get(thingName) !== clientId) await this.forget(thingName);
  }

  /** Ends the session of a thing: its successor of the same name finds nothing of it. */
  async forget(thingName: string): Promise<void> {
    const clientId = this.#sessionOf.get(thingName);
    if (clientId !== undefined) await this.#end(clientId);
  }

  #note(session: Session): void {
    this.#sessions.set(session.clientId, session);
    this.#sessionOf.set(session.thingName, session.clientId);
    const isExpiring = session.endedAt !== undefined && session.expirySeconds !== undefined;
    this.#expiring[isExpiring ? 'add' : 'delete'](session.clientId);
  }

  async #end(clientId: string): Promise<void> {
    await this.cleanSubscriptions({ id: clientId });
  }

  async #empty(clientId: string): Promise<void> {
    const session = this.#sessions.get(clientId);
    if (session !== undefined) {
      this.#sessions.delete(clientId);
      this.#expiring.delete(clientId);
      if (this.#sessionOf.get(session.thingName) === clientId) this.#sessionOf.delete(session.thingName);
      await this.#db.del(sessionKey(clientId));
    }
    await this.#trim(clientId, 0);
    if ((await this.#db.get(sentKey(clientId))) !== undefined) await this.#db.del(sentKey(clientId));
    this.#queuedSince.delete(clientId);
    this.#inFlight.delete(clientId);
    this.#lastMessageId.delete(clientId);
  }

  async #trim(clientId: string, limit: number): Promise<void> {
    await this.#db.flush();
    const keys = await this.#db.keys(queueRange(clientId)).all();
    const oldest = keys.slice(0, Math.max(0, keys.length - limit));
    if (oldest.length === 0) return;
    for (const key of oldest) this.#land(clientId, key);
    await this.#db.batch(oldest.map((key) => ({ type: 'del', key })));
  }

  #land(clientId: string, key: string): void {
    const inFlight = this.#inFlight.get(clientId);
    const messageId = inFlight?.idOf.get(key);
    if (inFlight === undefined || messageId === undefined) return;
    inFlight.idOf.delete(key);
    inFlight.keyOf.delete(messageId);
    if (inFlight.idOf.size === 0) this.#inFlight.delete(clientId);
  }

  /** Ids go round, so that the next one has long been free; one that is still under way is left out. */
  async #newMessageId(clientId: string): Promise<number> {
    const reading = this.#lastMessageId.get(clientId) ?? this.#lastQueuedMessageId(clientId);
    this.#lastMessageId.set(clientId, reading);
    const last = await reading;
    do last.value = (last.value % HIGHEST_MESSAGE_ID) + 1;
    while (this.#inFlight.get(clientId)?.keyOf.has(last.value));
    return last.value;
  }

  async #lastQueuedMessageId(clientId: string): Promise<{ value: number }> {
    const range = { ...queueRange(clientId), reverse: true, limit: 1, valueEncoding: 'buffer' } as const;
    const [last] = await this.#db.values<string, Buffer>(range).all();
    return { value: (last && (decode(last) as QueueRecord).messageId) ?? 0 };
  }

  async #subscribedIds(): Promise<Set<string>> {
    const ids = new Set<string>();
    // Keys are subscriptions:{client id, URI-encoded}:{filter}.
    for await (const key of this.#db.keys({ gte: 'subscriptions:', lt: 'subscriptions;' })) {
      ids.add(decodeURIComponent(key.split(':', 2)[1] ?? ''));
    }
    return ids;
  }

  #of(topic: string): ClientSubscription[] {
    return this.#subscriptions.get(this.#options.ownerOf(topic) ?? '') ?? [];
  }

  #index(clientId: string, subs: Subscription[]): void {
    for (const sub of subs) {
      this.#remove(clientId, sub.topic);
      const owner = this.#options.ownerOf(sub.topic);
      if (owner === undefined) continue;
      this.#subscriptions.set(owner, [...this.#of(sub.topic), { ...sub, clientId }]);
    }
  }

  #remove(clientId: string, filter: string): void {
    const rest = this.#of(filter).filter((sub) => sub.clientId !== clientId || sub.topic !== filter);
    const owner = this.#options.ownerOf(filter);
    if (owner === undefined) return;
    if (rest.length > 0) this.#subscriptions.set(owner, rest);
    else this.#subscriptions.delete(owner);
  }
}

/** As the library has it: outgoing:{client id, URI-encoded}:{broker id}:{counter}. */
function queueKey(
  clientId: string,
  { brokerId, brokerCounter }: Pick<Message, 'brokerId' | 'brokerCounter'>,
): string {
  return `${queueRange(clientId).gte}${brokerId}:${String(brokerCounter).padStart(COUNTER_DIGITS, '0')}`;
}

/** The first key that a queue could have, and the first behind all of its own. */
function queueRange(clientId: string): { gte: string; lt: string } {
  const queue = `outgoing:${encodeURIComponent(clientId)}`;
  return { gte: `${queue}:`, lt: `${queue};` };
}

function sessionKey(clientId: string): string {
  return `session:${encodeURIComponent(clientId)}`;
}

/** Under it lies the key of the last message that may have been sent. */
function sentKey(clientId: string): string {
  return `sent:${encodeURIComponent(clientId)}`;
}
