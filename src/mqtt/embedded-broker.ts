/**
 * The broker inside Muster: aedes, for MQTT 3.1.1 and 5. It serves things and nobody else: what a thing publishes is a
 * request to Muster and goes to no subscriber; what a thing receives comes from Muster alone.
 * Sessions and what is queued for things that are away lie on disk and survive a kill.
 */
import { once, type EventEmitter } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import type { Logger } from 'pino';
import type { Durability } from '../domain/durability';
import { MAX_DEVICE_PAYLOAD_BYTES } from '../domain/limits';
import { userNameOf } from '../domain/user-names';
import type { ConnectionRecorder } from '../devices/connections';
import type { Publisher } from '../devices/publisher';
import type { Reply } from '../../workflows/messages';
import type { DeviceSessions, RequestHandler } from './broker';
import { Deliveries } from './deliveries';
import { PacketGuard } from './packet-guard';
import { SessionDatabase } from './session-database';
import { SessionStore } from './session-store';
import { mayPublish, maySubscribe, ownerOf, receptionOf, type Filter, type Reception } from './topics';

/** A payload between MAX_DEVICE_PAYLOAD_BYTES and this gets an answer; a larger packet ends the connection. */
const MAX_PACKET_BYTES = 2 * 1024 * 1024;
/** CONNECT may carry a will, which is at most as large as a request; every other one is smaller. */
const MAX_OTHER_PACKET_BYTES = 2 * MAX_DEVICE_PAYLOAD_BYTES;
const MAX_CONNECTIONS = 50_000;
/** MQTT 5: of one connection. */
const MAX_TOPIC_ALIASES = 16;
/** MQTT 5: it comes back in the answer. In Base64. */
const MAX_CORRELATION_DATA = 4_096;
const MAX_FILTERS_PER_THING = 100;
/** For a thing that is away for years. Whatever it missed beyond this, `get` tells it. */
const MAX_QUEUED_PER_SESSION = 1_000;
const MAX_CLIENT_ID_LENGTH = 128;
/** Above what topics.ts allows, so that an answer under the deepest request still goes out. */
const MAX_TOPIC_LEVELS = 64;
const CONNECT_TIMEOUT_MS = 10_000;
/** A thing that doesn't read holds up its own messages for so long, then it is cut off. */
const DRAIN_TIMEOUT_MS = 5_000;
const TCP_KEEPALIVE_MS = 60_000;

/** Where requests go once they are served; nobody can subscribe to it. */
const SERVED = '$served';

/** CONNACK with return code 1 (MQTT 3.1.1, 3.1.2.2). */
const UNKNOWN_VERSION = Buffer.from([0x20, 2, 0, 1]);

/** Reason codes of MQTT 5 (2.4). */
const MALFORMED_PACKET = 0x81;
const IMPLEMENTATION_SPECIFIC_ERROR = 0x83;
const SERVER_SHUTTING_DOWN = 0x8b;
const PACKET_TOO_LARGE = 0x95;
const ADMINISTRATIVE_ACTION = 0x98;
/** A session expiry interval that is none. */
const NEVER = 0xffffffff;

/** Return codes of CONNACK (MQTT 3.1.1, 3.2.2.3). */
const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const BAD_CREDENTIALS = 4;
const NOT_AUTHORIZED = 5;

export interface EmbeddedBrokerOptions {
  /** Address to listen on. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Sessions are kept in its directory `mqtt`. */
  dataDir: string;
  /** What a message in a session survives; `process` when left out. */
  durability?: Durability;
  /** Topic prefixes, none within another. */
  prefixes: readonly string[];
  /** Whose credentials these are; undefined refuses them. A throw refuses for now: the thing tries again. */
  authenticate(
    clientId: string,
    username: string,
    password: string,
  ): Promise<{ thingName: string } | undefined>;
  /** The first connection of a thing has begun, or its last one has ended; one that is taken over is neither. */
  connectionChanged: ConnectionRecorder['connectionChanged'];
  metrics: { mqttRefused(what: 'connect' | 'publish' | 'subscribe'): void };
  log: Logger;
}

export interface EmbeddedBroker extends Publisher, DeviceSessions {
  /**
   * Opens the port: from now on things can connect. Where a request is not served, the connection is closed
   * (MQTT 3.1.1 can't say no), so that the thing sends it again.
   * @returns the port
   * @throws EADDRINUSE or EACCES as Node.js throws them
   */
  listen(onRequest: RequestHandler): Promise<number>;
  /** Names of the things that are connected now. */
  connectedThings(): string[];
  /** Serves no more requests; resolves when those in hand are acknowledged. Things stay connected. */
  stopServing(): Promise<void>;
  /** Closes the port and every connection. Messages that are being served aren't acknowledged any more. */
  close(): Promise<void>;
}

/** A connection whose credentials were right. */
interface Connection {
  thingName: string;
  /** What was granted, at which quality. */
  filters: Map<string, Filter>;
  /** The thing's last message: each is served after the one before it, and not at all where that failed. */
  served: Promise<void>;
  /** Resolves when its last message is acknowledged, or refused: that keeps the order of the messages. */
  answered: Promise<void>;
}

/** Opens the sessions in the data directory. Things can connect after `listen`; `publish` works at once. */
export async function createEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { prefixes, metrics, log } = options;
  const connections = new Map<Client, Connection>();
  /** The connections of each thing. One that takes over from another comes before that one ends. */
  const clientsOf = new Map<string, Set<Client>>();
  const sockets = new Set<Socket>();
  /** Those that gave no client id: aedes makes one up. */
  const nameless = new WeakSet<Client>();
  /** Counts `disconnect` calls: credentials that were being checked meanwhile are checked again. */
  let revocations = 0;
  let onRequest: RequestHandler = () => Promise.reject(new Error('The broker is not listening yet.'));
  let draining = false;

  const db = new SessionDatabase(path.join(options.dataDir, 'mqtt'), options.durability);
  await db.open();
  const sessions = new SessionStore(db, {
    brokerId: String(Date.now()).padStart(16, '0'),
    queueLimit: MAX_QUEUED_PER_SESSION,
    isGranted: (client, filter) => connections.get(client as Client)?.filters.has(filter) ?? false,
    ownerOf: (topic) => ownerOf(prefixes, topic),
    onReady: (client) => {
      const thingName = connections.get(client)?.thingName;
      if (thingName === undefined) return;
      if (!client.clean)
        sessions.keep({ clientId: client.id, thingName, expirySeconds: expirySecondsOf(client) });
      deliveries.begin(client);
    },
    onAcknowledged: (client) => deliveries.acknowledged(client),
    onFailed: (error) => log.error({ err: error }, 'A session could not be written'),
  });
  const deliveries = new Deliveries(sessions, MAX_QUEUED_PER_SESSION);

  const aedes = await Aedes.createBroker({
    persistence: sessions,
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxTopicLevels: MAX_TOPIC_LEVELS,
    maximumPacketSize: MAX_PACKET_BYTES,
    topicAliasMaximum: MAX_TOPIC_ALIASES,
    responseInformation: (client) => `${prefixes[0]}/${connections.get(client)?.thingName}/`,
    maxClientsIdLength: MAX_CLIENT_ID_LENGTH,
    preConnect: (client, packet, done) => {
      // A will could reach nobody: things don't hear each other. So it's taken off rather than kept.
      packet.will = undefined;
      if (packet.clientId === '') nameless.add(client);
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      void admit(client, userNameOf(username ?? ''), password?.toString()).then((refusal) =>
        done(refusal === undefined ? null : connectionRefused(refusal), refusal === undefined),
      );
    },
    authorizePublish: (client, packet, done) => {
      const connection = client && connections.get(client);
      if (!connection) return done(new Error('connection closed'));
      const serving = serve(client, connection, packet).then(
        () => undefined,
        (error: Error) => error,
      );
      connection.answered = Promise.all([serving, connection.answered]).then(([error]) => {
        // MQTT 5 tells a client that a message is refused and goes on; what could not be taken must come again.
        if (error === undefined) done(null);
        else if (client.version !== 5 || error instanceof Refusal) done(error);
        else
          client.disconnect({ reasonCode: draining ? SERVER_SHUTTING_DOWN : IMPLEMENTATION_SPECIFIC_ERROR });
      });
    },
    authorizeSubscribe: (client, subscription, done) => {
      const granted = grant(client, subscription);
      // Not at once: all filters of a packet are settled before aedes stores the first of them. And aedes lowers no
      // message to one of several filters that match it: the quality is settled by `recipients`.
      queueMicrotask(() => done(null, granted ? { ...subscription, qos: 2 } : null));
    },
    // Nothing but a thing's own may reach it, whatever an earlier session has left behind.
    authorizeForward: (client, packet) => {
      const thingName = connections.get(client)?.thingName;
      return thingName !== undefined && ownerOf(prefixes, packet.topic) === thingName ? packet : null;
    },
  });
  // Client ids are keys of these: one that is called constructor or __proto__ is none that an object has.
  for (const own of ['clients', 'brokers']) Object.assign(aedes, { [own]: Object.create(null) as object });
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) connections.get(client)?.filters.delete(filter);
  });
  aedes.on('clientError', (client, error) =>
    log.debug({ clientId: client.id, err: error }, 'MQTT connection'),
  );
  aedes.on('connectionError', (_client, error) => log.debug({ err: error }, 'MQTT connection'));
  (aedes as EventEmitter).on('error', (error: Error) => log.error({ err: error }, 'MQTT broker'));

  /** @returns why not, as a return code of CONNACK */
  async function admit(client: Client, username: string, password = ''): Promise<number | undefined> {
    if (nameless.has(client)) return refuse(client, username, IDENTIFIER_REJECTED);
    if (username === '' || password === '') return refuse(client, username, NOT_AUTHORIZED);
    try {
      const thing = await authenticate(client.id, username, password);
      if (!thing) return refuse(client, username, BAD_CREDENTIALS);
      if (client.closed) return NOT_AUTHORIZED;
      enter(client, thing.thingName);
      return undefined;
    } catch (error) {
      log.error({ err: error, clientId: client.id }, 'MQTT credentials could not be checked');
      return SERVER_UNAVAILABLE;
    }
  }

  function enter(client: Client, thingName: string): void {
    connections.set(client, {
      thingName,
      filters: new Map(),
      served: Promise.resolve(),
      answered: Promise.resolve(),
    });
    const clients = clientsOf.get(thingName) ?? new Set();
    clientsOf.set(thingName, clients.add(client));
    if (clients.size === 1) options.connectionChanged({ thingName, connected: true, at: Date.now() });
    client.conn.once('close', () => leave(client, thingName));
  }

  /** @returns undefined where the session outlives its connection for ever */
  function expirySecondsOf(client: Client): number | undefined {
    const isForever = client.version !== 5 || client.sessionExpiryInterval === NEVER;
    return isForever ? undefined : client.sessionExpiryInterval;
  }

  function leave(client: Client, thingName: string): void {
    connections.delete(client);
    const clients = clientsOf.get(thingName);
    clients?.delete(client);
    // Of two, one has taken the session over.
    if (clients?.size !== 0) return;
    clientsOf.delete(thingName);
    sessions.leave(client.id, expirySecondsOf(client));
    options.connectionChanged({ thingName, connected: false, at: Date.now() });
  }

  async function authenticate(clientId: string, username: string, password: string) {
    for (;;) {
      const before = revocations;
      const thing = await options.authenticate(clientId, username, password);
      if (thing) await sessions.claim(clientId, thing.thingName);
      if (before === revocations) return thing;
    }
  }

  function refuse(client: Client, username: string, returnCode: number): number {
    const names = { clientId: shortened(client.id), username: shortened(username) };
    log.info({ ...names, returnCode }, 'MQTT connection refused');
    metrics.mqttRefused('connect');
    return returnCode;
  }

  /**
   * aedes sends PUBACK when this resolves, and closes the connection when it throws; only a `Refusal` is a PUBACK, too,
   * where MQTT can say so.
   */
  async function serve(client: Client, connection: Connection, packet: PublishPacket): Promise<void> {
    const { topic, payload } = packet;
    const reply = replyTo(packet);
    const refusal = refusalOf(connection.thingName, topic, reply);
    if (refusal !== undefined) {
      log.info({ thingName: connection.thingName, topic: shortened(topic), refusal }, 'MQTT publish refused');
      metrics.mqttRefused('publish');
      throw new Refusal(refusal);
    }
    connection.served = connection.served.then(async () => {
      if (client.closed || client.conn.destroyed || draining) throw new Error('connection closed');
      if (await sessions.hasReceived(client, packet)) return;
      await onRequest(topic, payload as Buffer, connection.thingName, false, reply);
      sessions.received(client, packet);
    });
    await connection.served.catch((error: unknown) => {
      if (!client.closed && !draining)
        log.warn({ err: error, thingName: connection.thingName, topic }, 'Request not served');
      throw error;
    });
    // Served: aedes goes on with an empty message to nobody. So nothing is routed, kept or retained.
    Object.assign(packet, { topic: SERVED, payload: Buffer.alloc(0), retain: false });
  }

  function refusalOf(thingName: string, topic: string, reply: Reply | undefined): string | undefined {
    if (!mayPublish(prefixes, thingName, topic))
      return `${thingName} may not publish to ${shortened(topic)}.`;
    const { responseTopic, correlationData = '' } = reply ?? {};
    if (responseTopic !== undefined && !maySubscribe(prefixes, thingName, responseTopic))
      return `The Response Topic ${shortened(responseTopic)} is not one of ${thingName}: take one below its name.`;
    if (correlationData.length > MAX_CORRELATION_DATA)
      return `The Correlation Data is longer than ${MAX_CORRELATION_DATA} characters of Base64.`;
    return undefined;
  }

  function grant(client: Client, subscription: Filter): boolean {
    const filter = subscription.topic;
    const connection = connections.get(client);
    if (!connection) return false;
    const { thingName, filters } = connection;
    const room = filters.has(filter) || filters.size < MAX_FILTERS_PER_THING;
    const granted = room && maySubscribe(prefixes, thingName, filter);
    if (granted) filters.set(filter, { ...subscription });
    else {
      log.info({ thingName, filter: shortened(filter) }, 'MQTT subscription refused');
      metrics.mqttRefused('subscribe');
    }
    return granted;
  }

  /** One thing's messages go out one after the other, so that their order is the same everywhere. */
  const publishing = new Map<string, Promise<void>>();
  function publish(topic: string, json: string, correlation?: string): Promise<void> {
    const key = ownerOf(prefixes, topic) ?? topic;
    const correlationData = correlation === undefined ? undefined : Buffer.from(correlation, 'base64');
    const send = () => publishNow({ topic, payload: Buffer.from(json), correlationData });
    const turn = (publishing.get(key) ?? Promise.resolve()).then(send, send);
    const leaveTurn = () => {
      if (publishing.get(key) === turn) publishing.delete(key);
    };
    publishing.set(key, turn);
    turn.then(leaveTurn, leaveTurn);
    return turn;
  }

  /** Resolves when the message is in every subscribed session on disk, and written to a thing that is connected. */
  async function publishNow(content: {
    topic: string;
    payload: Buffer;
    correlationData?: Buffer;
  }): Promise<void> {
    if (aedes.closed) throw new Error('The MQTT broker is closed.');
    await deliveries.deliver(content, recipients(content.topic));
  }

  /** Sessions that outlive their connection, and connections whose session does not. */
  function recipients(topic: string): Map<string, Reception> {
    const found = sessions.recipients(topic);
    for (const client of clientsOf.get(ownerOf(prefixes, topic) ?? '') ?? []) {
      const filters = client.clean ? [...(connections.get(client)?.filters.values() ?? [])] : [];
      const reception = receptionOf(filters, topic);
      if (reception !== undefined) found.set(client.id, reception);
    }
    return found;
  }

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const client = aedes.handle(socket);
    guard(socket, client);
    Object.assign(client, { subscriptions: Object.create(null) as object });
  });

  function disconnect(thingName: string): void {
    revocations += 1;
    for (const [client, connection] of connections) {
      if (connection.thingName === thingName) client.disconnect({ reasonCode: ADMINISTRATIVE_ACTION });
    }
  }

  return {
    publish,
    disconnect,
    async listen(handler) {
      onRequest = handler;
      server.listen(options.port, options.host);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    connectedThings: () => [...clientsOf.keys()],
    async forget(thingName) {
      disconnect(thingName);
      await sessions.forget(thingName);
    },
    async stopServing() {
      draining = true;
      server.close();
      await Promise.allSettled([...connections.values()].map(({ served }) => served));
    },
    async close() {
      server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      sessions.stop();
      await db.close();
    },
  };
}

/** aedes reads a connection by `read` alone, so that is where a packet can be stopped before it comes to aedes. */
function guard(socket: Socket, client: Client): void {
  const packets = new PacketGuard({ publish: MAX_PACKET_BYTES, other: MAX_OTHER_PACKET_BYTES });
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    const chunk = read(size) as Buffer | null;
    const verdict = chunk === null ? 'fine' : packets.look(chunk);
    if (verdict === 'fine') return chunk;
    if (verdict === 'unknown version') socket.end(UNKNOWN_VERSION);
    if (client.version === 5)
      client.disconnect({ reasonCode: verdict === 'too large' ? PACKET_TOO_LARGE : MALFORMED_PACKET });
    else socket.destroySoon();
    return null;
  };
}

/** What a client may not do, and why. */
class Refusal extends Error {}

function replyTo({ properties }: PublishPacket): Reply | undefined {
  const { responseTopic, correlationData } = properties ?? {};
  if (responseTopic === undefined && correlationData === undefined) return undefined;
  return { responseTopic, correlationData: correlationData?.toString('base64') };
}

function connectionRefused(returnCode: number): AuthenticateError {
  return Object.assign(new Error('connection refused'), { returnCode });
}

function shortened(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 128)}…`;
}
