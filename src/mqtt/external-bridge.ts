/**
 * Requests of things from an external broker. They lie in sessions that outlive every process; the processes divide the
 * sessions among them by leases in the store (src/domain/bridge-sessions.ts), so that a session is never without
 * somebody who serves it for longer than a lease lasts, and what was published while no bridge ran is served later.
 *
 * The broker closes the connection of whoever had a session before, so two processes that both believe to hold it harm
 * nobody; what both had in hand is served twice, which changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  memberName,
  planSessions,
  serves,
  sessionName,
  sessionsOf,
  type BridgeSession,
  type Generation,
  type Sharing,
} from '../domain/bridge-sessions';
import type { Db } from '../store/database';
import { forgetLeases, listLeases, releaseLease, removeLease, renewLeases, takeLease } from '../store/leases';
import type { ConnectionRecorder } from '../devices/connections';
import type { RequestHandler } from './broker';
import { openConnection, type BrokerAddress, type Connection } from './connection';
import { CONNECTION_EVENTS, parseConnectionEvent } from './connection-events';
import { probeSharing } from './shared-subscriptions';
import { ownerOf, requestFilters } from './topics';

/** So long after its end a process has lost its sessions to others. */
const LEASE_MS = 6_000;
/** Renewals, the look at what others hold, and the next try to connect. */
const TURN_MS = 1_500;
/** Leases of processes that ended without a word are kept for so long. */
const FORGET_AFTER_MS = 60 * 60_000;
/** The broker keeps requests while no bridge runs, but not for ever (MQTT 5). */
const SESSION_SECONDS = 7 * 24 * 60 * 60;
/** While Temporal or the store is away, a request is tried again with these pauses. */
const RETRY_MS = { first: 250, longest: 5_000 };
/** A request that fails so often, while others are served, is at fault itself. */
const MAX_TRIES = 8;
/** A session that is to be ended has been silent for so long. */
const SILENCE_MS = 3_000;
/** At a stop, a request in hand may take so long. */
const FINISH_MS = 1_500;

const LEASE_PREFIX = 'muster-';
const SHARE = '$share/muster/';

export interface ExternalBridgeOptions {
  db: Db;
  address: BrokerAddress;
  prefixes: readonly string[];
  /** Sessions of all processes together: so many requests are served at the same time. */
  sessions: number;
  /** Found out at the broker where it is undefined. */
  sharing?: Sharing;
  onRequest: RequestHandler;
  /** Where the broker tells of the connections of its clients. */
  connectionChanged: ConnectionRecorder['connectionChanged'];
  metrics: { bridgeSessions(connected: number): void };
  log: Logger;
}

export interface ExternalBridge {
  /** @throws where a session that is ours is not connected, or it is not known yet which are */
  check(): void;
  /** Takes no more requests, finishes those in hand and leaves the sessions to others. */
  stop(): Promise<void>;
}

/** A session that this process serves. */
interface Served {
  session: BridgeSession;
  connection?: Connection;
  /** It is being connected; not to be begun twice. */
  opening?: Promise<void>;
  /** The request that is being served. */
  inHand?: Promise<void>;
  lastMessageAt: number;
  /** Takes no more requests. */
  leaving: AbortController;
}

export function startExternalBridge(options: ExternalBridgeOptions): ExternalBridge {
  const { db, address, prefixes, log, metrics } = options;
  const me = randomUUID();
  const served = new Map<string, Served>();
  const stopping = new AbortController();
  let generation: Generation | undefined;
  let hasLooked = false;
  let retiring: Promise<void> | undefined;
  /** When a request was served last, whichever. */
  let lastServedAt = 0;

  async function run(): Promise<void> {
    let failing = false;
    while (!stopping.signal.aborted) {
      try {
        generation ??= await findGeneration();
        await turn(generation);
        hasLooked = true;
        failing = false;
      } catch (error) {
        if (!failing) log.error({ err: error }, 'The bridge cannot take its sessions; trying again');
        failing = true;
      }
      metrics.bridgeSessions(connected().length);
      await sleep(TURN_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  async function findGeneration(): Promise<Generation> {
    const sharing = options.sharing ?? (await probeSharing(address, prefixes));
    const found = options.sharing ? 'as configured' : 'as found out';
    if (sharing === 'SHARED') log.info(`Sessions share one subscription at the MQTT broker (${found})`);
    else
      log.info(`Sessions divide the things: the MQTT broker does not share subscriptions safely (${found})`);
    return { sharing, of: options.sessions };
  }

  async function turn(ours: Generation): Promise<void> {
    const now = Date.now();
    const expiresAt = now + LEASE_MS;
    await renewLeases(db, me, expiresAt);
    await takeLease(db, { name: memberName(ours, me), holder: me, expiresAt }, now);
    const leases = await listLeases(db, LEASE_PREFIX);
    const { take, giveBack, retire } = planSessions(leases, me, ours, now);

    const held = new Set(leases.filter(({ holder }) => holder === me).map(({ name }) => name));
    for (const name of take.map(sessionName))
      if (await takeLease(db, { name, holder: me, expiresAt }, now)) held.add(name);
    await Promise.all([...served.keys()].filter((name) => !held.has(name)).map(leave));
    for (const name of giveBack.map(sessionName)) held.delete(name);
    await Promise.all(giveBack.map(sessionName).map(handOver));
    for (const session of sessionsOf(ours).filter((one) => held.has(sessionName(one))))
      serveFromNowOn(session);
    if (take.length + giveBack.length > 0)
      log.info(`The bridge serves ${served.size} of ${ours.of} sessions`);
    if (retire) retiring ??= end(retire, expiresAt).finally(() => (retiring = undefined));
  }

  const newServed = (session: BridgeSession): Served => ({
    session,
    lastMessageAt: Date.now(),
    leaving: new AbortController(),
  });

  function serveFromNowOn(session: BridgeSession): void {
    const one = served.get(sessionName(session)) ?? newServed(session);
    served.set(sessionName(session), one);
    if (!one.connection?.isOpen()) open(one);
  }

  function connected(): Served[] {
    return [...served.values()].filter(({ connection, opening }) => connection?.isOpen() && !opening);
  }

  /** In the background: a broker that does not answer must not hold up renewals. */
  function open(one: Served): void {
    one.opening ??= connect(one)
      .then((connection) => subscribe(connection, one.session))
      .catch((error: unknown) => {
        log.warn(
          { err: error, session: sessionName(one.session) },
          'A session of the bridge is not connected',
        );
        void one.connection?.close();
      })
      .finally(() => (one.opening = undefined));
  }

  async function connect(one: Served): Promise<Connection> {
    const connection = await openConnection(address, {
      clientId: sessionName(one.session),
      clean: false,
      sessionSeconds: SESSION_SECONDS,
      onMessage: (topic, payload) => receive(one, topic, payload),
    });
    one.connection = connection;
    if (one.leaving.signal.aborted) await connection.close();
    return connection;
  }

  /** One session hears of connections, where the broker tells of them and Muster may listen. */
  async function subscribe(connection: Connection, session: BridgeSession): Promise<void> {
    await connection.subscribe(filtersOf(session));
    if (session.index === 0) await connection.subscribe(CONNECTION_EVENTS).catch(() => undefined);
  }

  function filtersOf({ sharing }: BridgeSession): string[] {
    const filters = requestFilters(prefixes);
    return sharing === 'SHARED' ? filters.map((filter) => SHARE + filter) : filters;
  }

  /** Acknowledged when this resolves. */
  async function receive(one: Served, topic: string, payload: Buffer): Promise<void> {
    one.leaving.signal.throwIfAborted();
    one.lastMessageAt = Date.now();
    const change = parseConnectionEvent(topic, payload);
    if (change) return options.connectionChanged(change);
    const thingName = ownerOf(prefixes, topic);
    if (thingName === undefined || !serves(one.session, thingName)) return;
    one.inHand = serve(one, topic, payload, thingName);
    await one.inHand;
  }

  /** Until it is served: in the place where it stands, so that the requests behind it keep their order. */
  async function serve(one: Served, topic: string, payload: Buffer, thingName: string): Promise<void> {
    const begunAt = Date.now();
    const { connection } = one;
    for (let tries = 1, pause = RETRY_MS.first; ; tries++, pause = Math.min(2 * pause, RETRY_MS.longest)) {
      try {
        const isLastTry = tries >= MAX_TRIES && lastServedAt > begunAt;
        await options.onRequest(topic, payload, thingName, isLastTry);
        lastServedAt = Date.now();
        return;
      } catch (error) {
        log.warn({ err: error, thingName, topic }, 'Request not served, trying again');
      }
      await sleep(pause, undefined, { signal: one.leaving.signal });
      // The broker has closed it, and sends the request again by the next one.
      if (connection && !connection.isOpen()) throw new Error('The connection was closed.');
    }
  }

  /** Takes no more, finishes what is in hand, and disconnects. */
  async function leave(name: string): Promise<void> {
    const one = served.get(name);
    if (!one) return;
    served.delete(name);
    const finished = one.inHand?.catch(() => undefined);
    one.leaving.abort();
    await Promise.race([finished, sleep(FINISH_MS, undefined, { ref: false })]);
    await one.connection?.close();
  }

  async function handOver(name: string): Promise<void> {
    await leave(name);
    await releaseLease(db, name, me);
  }

  /** Serves what lies in a session that nobody works with any more, and has the broker forget it. */
  async function end(session: BridgeSession, expiresAt: number): Promise<void> {
    const name = sessionName(session);
    if (!(await takeLease(db, { name, holder: me, expiresAt }, Date.now()))) return;
    const one = newServed(session);
    try {
      const connection = await connect(one);
      await connection.unsubscribe([...filtersOf(session), ...CONNECTION_EVENTS]);
      while (connection.isOpen() && (one.inHand ?? Date.now() - one.lastMessageAt < SILENCE_MS)) {
        await one.inHand?.catch(() => undefined);
        one.inHand = undefined;
        await sleep(100, undefined, { signal: stopping.signal });
      }
      await connection.close();
      const last = await openConnection(address, { clientId: name, clean: true, sessionSeconds: 0 });
      await last.close();
      await removeLease(db, name, me);
      log.info({ session: name }, 'Ended a session of the bridge that is no longer in use');
    } catch (error) {
      await one.connection?.close();
      await releaseLease(db, name, me);
      log.warn({ err: error, session: name }, 'A session of the bridge could not be ended yet');
    }
  }

  const running = forgetLeases(db, LEASE_PREFIX + 'member-', Date.now() - FORGET_AFTER_MS)
    .catch(() => undefined)
    .then(run);

  return {
    check() {
      if (!hasLooked) throw new Error('It is not known yet which sessions of the bridge are ours.');
      if (connected().length < served.size)
        throw new Error(`${served.size - connected().length} sessions of the bridge are not connected.`);
    },
    async stop() {
      stopping.abort();
      await running;
      await retiring;
      await Promise.all([...served.keys()].map(handOver));
      if (generation) await removeLease(db, memberName(generation, me), me);
      metrics.bridgeSessions(0);
    },
  };
}
