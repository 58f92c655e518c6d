/** The sessions of things that are away: their subscriptions and what is queued for them, on disk. */
import { Readable } from 'node:stream';
import AsyncLevelPersistence from 'aedes-persistence-level/asyncPersistence.js';
import type { Subscription } from 'aedes';
import type { SessionDatabase } from './session-database';
import { matchesFilter } from './topics';

type SessionRef = AsyncLevelPersistence.SessionRef;
type ClientSubscription = AsyncLevelPersistence.ClientSubscription;
type QueuedPacket = AsyncLevelPersistence.QueuedPacket;

/** A queue is measured again after so many messages, so it may stand this much over its limit. */
const TRIM_EVERY = 100;
/** The library's keys hold numbers of this length. */
const COUNTER_DIGITS = 16;
export interface SessionStoreOptions {
  /** Messages kept for one session; beyond them the oldest go. */
  queueLimit: number;
  /** Whether the connected client was granted this filter. */
  isGranted(client: SessionRef, filter: string): boolean;
  /** The thing that a topic or a filter belongs to. */
  ownerOf(topic: string): string | undefined;
}

/**
 * aedes-persistence-level, with what it lacks for Muster:
 * - a limit to each session's queue
 * - one write for a message that is delivered and a share of another, instead of four and two reads: which id it was
 *   sent under is kept in memory alone, and what was acknowledged goes a moment later, many at once. A message keeps its
 *   id when its client connects again; after a restart of Muster it gets another one
 * - refused filters aren't kept: aedes hands over every filter of a SUBSCRIBE as soon as one of them is granted
 * - overlapping filters of one session: its own index leaves out a filter that another one covers, and loses the
 *   wider one when a narrower comes with a lower QoS; messages for an offline session would be missing then
 */
export class SessionStore extends AsyncLevelPersistence {
  readonly #db: SessionDatabase;
  readonly #options: SessionStoreOptions;
  /** Subscriptions by the thing that they belong to. */
  readonly #subscriptions = new Map<string, ClientSubscription[]>();
  /** The SUBSCRIBE packets that are being stored. */
  readonly #stored = new WeakMap<Subscription[], Promise<void>>();
  /** Keys of the messages that were sent and not acknowledged yet, by session and message id. */
  readonly #inFlight = new Map<string, Map<number, string>>();
  /** Messages queued by session since its queue was last measured. */
  readonly #queuedSince = new Map<string, number>();

  constructor(db: SessionDatabase, options: SessionStoreOptions) {
    super(db);
    this.#db = db;
    this.#options = options;
  }

  override async setup(broker: unknown): Promise<void> {
    await super.setup(broker);
    for (const id of await this.#sessionIds()) this.#index(id, await this.subscriptionsByClient({ id }));
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

  override subscriptionsByTopic(topic: string): Promise<ClientSubscription[]> {
    const matching = this.#of(topic).filter((sub) => sub.qos > 0 && matchesFilter(sub.topic, topic));
    const bySession = new Map(matching.map((sub) => [sub.clientId, sub]));
    return Promise.resolve([...bySession.values()]);
  }

  override async outgoingEnqueue(sub: { clientId: string }, packet: QueuedPacket): Promise<void> {
    await super.outgoingEnqueue(sub, packet);
    const queued = (this.#queuedSince.get(sub.clientId) ?? 0) + 1;
    this.#queuedSince.set(sub.clientId, queued % TRIM_EVERY);
    if (queued === TRIM_EVERY) await this.#trim(sub.clientId, this.#options.queueLimit);
  }

  override outgoingUpdate({ id }: SessionRef, packet: QueuedPacket & { messageId: number }): Promise<void> {
    const sent = this.#inFlight.get(id) ?? new Map<number, string>();
    this.#inFlight.set(id, sent.set(packet.messageId, queueKey(id, packet)));
    return Promise.resolve();
  }

  override outgoingClearMessageId({ id }: SessionRef, { messageId }: { messageId: number }): Promise<void> {
    const sent = this.#inFlight.get(id);
    const key = sent?.get(messageId);
    if (sent !== undefined && key !== undefined) {
      sent.delete(messageId);
      if (sent.size === 0) this.#inFlight.delete(id);
      this.#db.deleteLater(key);
    }
    return Promise.resolve();
  }

  override outgoingStream(client: SessionRef): Readable {
    const queued = () => super.outgoingStream(client) as AsyncIterable<QueuedPacket>;
    const db = this.#db;
    const ids = new Map(
      [...(this.#inFlight.get(client.id) ?? [])].map(([messageId, key]) => [key, messageId]),
    );
    return Readable.from(
      (async function* () {
        // Of this moment, as what is read is: it may be written before all is read.
        const going = db.going();
        // At once, without waiting for what is being written: aedes delivers that to the client itself.
        for await (const packet of queued()) {
          const key = queueKey(client.id, packet);
          if (!going.has(key)) yield { ...packet, messageId: ids.get(key) };
        }
      })(),
    );
  }

  /**
   * A thing has one session, and nobody else's: its client id may have changed, or been another thing's before.
   * @param clientId of the thing that is about to connect
   */
  async claim(clientId: string, thingName: string): Promise<void> {
    const kept = await this.subscriptionsByClient({ id: clientId });
    if (kept.some(({ topic }) => this.#options.ownerOf(topic) !== thingName)) await this.#end(clientId);
    for (const other of this.#sessionsOf(thingName)) if (other !== clientId) await this.#end(other);
  }

  /** Ends the session of a thing: its successor of the same name finds nothing of it. */
  async forget(thingName: string): Promise<void> {
    for (const clientId of this.#sessionsOf(thingName)) await this.#end(clientId);
  }

  async #end(clientId: string): Promise<void> {
    await this.cleanSubscriptions({ id: clientId });
    await this.cleanIncoming({ id: clientId });
    await this.#trim(clientId, 0);
    this.#queuedSince.delete(clientId);
    this.#inFlight.delete(clientId);
  }

  #sessionsOf(thingName: string): Set<string> {
    return new Set(this.#subscriptions.get(thingName)?.map(({ clientId }) => clientId));
  }

  async #trim(clientId: string, limit: number): Promise<void> {
    await this.#db.flush();
    const prefix = queuePrefix(clientId);
    const keys = await this.#db.keys({ gte: prefix, lt: after(prefix) }).all();
    const oldest = keys.slice(0, Math.max(0, keys.length - limit));
    await this.#db.batch(oldest.map((key) => ({ type: 'del', key })));
  }

  async #sessionIds(): Promise<Set<string>> {
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

/** The key under which the library keeps a queued message: outgoing:{client id, URI-encoded}:{broker id}:{counter}. */
function queueKey(clientId: string, { brokerId, brokerCounter }: QueuedPacket): string {
  return `${queuePrefix(clientId)}${brokerId}:${String(brokerCounter).padStart(COUNTER_DIGITS, '0')}`;
}

function queuePrefix(clientId: string): string {
  return `outgoing:${encodeURIComponent(clientId)}:`;
}

/** The first key behind all that begin with a prefix. */
function after(prefix: string): string {
  return `${prefix.slice(0, -1)};`;
}
