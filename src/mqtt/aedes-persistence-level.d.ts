/** The part of aedes-persistence-level that Muster builds on; the package brings no types. */
declare module 'aedes-persistence-level/asyncPersistence.js' {
  import type { Readable } from 'node:stream';
  import type { ClassicLevel } from 'classic-level';
  import type { PublishPacket, Subscription } from 'aedes';

  namespace AsyncLevelPersistence {
    type SessionRef = { id: string };
    type ClientSubscription = Subscription & { clientId: string };
    /** As aedes is about to send it: a message, which the broker's id and counter name, or a step of QoS 2. */
    type OutgoingPacket =
      | (PublishPacket & { brokerId: string; brokerCounter: number; messageId?: number })
      | { cmd: 'pubrel'; messageId: number };
  }

  class AsyncLevelPersistence {
    /** It also takes batches and iterators of it, whose types know the class of their database. */
    constructor(db: Pick<ClassicLevel, 'get' | 'put' | 'del' | 'clear'>);
    setup(broker: unknown): Promise<void>;
    addSubscriptions(client: AsyncLevelPersistence.SessionRef, subs: Subscription[]): Promise<void>;
    removeSubscriptions(client: AsyncLevelPersistence.SessionRef, topics: string[]): Promise<void>;
    cleanSubscriptions(client: AsyncLevelPersistence.SessionRef): Promise<void>;
    subscriptionsByClient(client: AsyncLevelPersistence.SessionRef): Promise<Subscription[]>;
    subscriptionsByTopic(topic: string): Promise<AsyncLevelPersistence.ClientSubscription[]>;
    outgoingEnqueue(sub: { clientId: string }, packet: PublishPacket): Promise<void>;
    outgoingStream(client: AsyncLevelPersistence.SessionRef): Readable;
    outgoingUpdate(
      client: AsyncLevelPersistence.SessionRef,
      packet: AsyncLevelPersistence.OutgoingPacket,
    ): Promise<void>;
    outgoingClearMessageId(
      client: AsyncLevelPersistence.SessionRef,
      packet: { messageId?: number },
    ): Promise<unknown>;
    /** Rejects where there is none. */
    incomingGetPacket(
      client: AsyncLevelPersistence.SessionRef,
      packet: { messageId: number },
    ): Promise<unknown>;
    incomingDelPacket(client: AsyncLevelPersistence.SessionRef, packet: { messageId: number }): Promise<void>;
    cleanIncoming(client: AsyncLevelPersistence.SessionRef): Promise<void>;
  }
  export = AsyncLevelPersistence;
}
