/** A client that sends and sees packets as they are: it acknowledges nothing by itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate, parser, type IConnackPacket, type IConnectPacket, type Packet } from 'mqtt-packet';
import { HAPPENS_WITHIN_MS } from './deadlines';

export type ReceivedPacket<C extends Packet['cmd'] = Packet['cmd']> = Extract<Packet, { cmd: C }>;

export interface RawClient {
  socket: Socket;
  /** Everything received, oldest first. */
  packets: Packet[];
  /** What to send, as a packet or as bytes. */
  send(...packets: (Packet | Uint8Array)[]): void;
  /** The first packet of this kind that no `next` has taken yet. */
  next<C extends Packet['cmd']>(
    cmd: C,
    wanted?: (packet: ReceivedPacket<C>) => boolean,
  ): Promise<ReceivedPacket<C>>;
  /** Resolves when everything sent so far has been taken: answers to it have come. */
  settled(): Promise<void>;
  /** Resolves when the broker has closed the connection. */
  closed(): Promise<void>;
  /** Ends the connection without a word. */
  drop(): Promise<void>;
}

export async function openRaw(port: number, protocolVersion: 4 | 5 = 4): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const packets: Packet[] = [];
  const untaken: Packet[] = [];
  const waiting = new Set<() => void>();
  const incoming = parser({ protocolVersion });
  incoming.on('packet', (packet) => {
    packets.push(packet);
    untaken.push(packet);
    for (const look of waiting) look();
  });
  socket.on('data', (chunk: Buffer) => incoming.parse(chunk));
  const closing = new Promise<void>((resolve) => socket.once('close', () => resolve()));

  function next<C extends Packet['cmd']>(
    cmd: C,
    wanted: (packet: ReceivedPacket<C>) => boolean = () => true,
  ): Promise<ReceivedPacket<C>> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        done();
        const got = packets.map((packet) => JSON.stringify(packet)).join('\n');
        reject(new Error(`no ${cmd}: ${why}; received:\n${got}`));
      };
      const look = () => {
        const index = untaken.findIndex(
          (packet) => packet.cmd === cmd && wanted(packet as ReceivedPacket<C>),
        );
        if (index >= 0) {
          done();
          resolve(untaken.splice(index, 1)[0] as ReceivedPacket<C>);
        }
      };
      const closed = () => fail('the connection is closed');
      const timer = setTimeout(() => fail(`not within ${HAPPENS_WITHIN_MS} ms`), HAPPENS_WITHIN_MS);
      const done = () => {
        clearTimeout(timer);
        waiting.delete(look);
        socket.off('close', closed);
      };
      waiting.add(look);
      socket.once('close', closed);
      look();
      if (socket.destroyed && waiting.has(look)) closed();
    });
  }

  const send = (...what: (Packet | Uint8Array)[]) => {
    for (const packet of what)
      socket.write(packet instanceof Uint8Array ? packet : generate(packet, { protocolVersion }));
  };

  return {
    socket,
    packets,
    send,
    next,
    async settled() {
      send({ cmd: 'pingreq' });
      await next('pingresp');
    },
    async closed() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('the broker left the connection open')), HAPPENS_WITHIN_MS);
      });
      await Promise.race([closing, late]);
      clearTimeout(timer);
    },
    async drop() {
      socket.destroy();
      await closing;
    },
  };
}

export interface RawLogin {
  clientId: string;
  username: string;
  password: string;
}

export function connectPacket(login: RawLogin, more: Partial<IConnectPacket> = {}): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: false,
    keepalive: 0,
    clientId: login.clientId,
    username: login.username,
    password: Buffer.from(login.password),
    ...more,
  };
}

/** Connects, and fails where the broker does not accept. */
export async function connectRaw(
  port: number,
  login: RawLogin,
  more: Partial<IConnectPacket> = {},
): Promise<RawClient & { connack: IConnackPacket }> {
  const client = await openRaw(port, more.protocolVersion === 5 ? 5 : 4);
  client.send(connectPacket(login, more));
  const connack = await client.next('connack');
  assert.equal(connack.returnCode ?? connack.reasonCode, 0);
  return { ...client, connack };
}

/** @returns what was granted */
export async function subscribeRaw(
  client: RawClient,
  filters: Record<string, 0 | 1 | 2>,
  messageId = 1,
): Promise<unknown[]> {
  const subscriptions = Object.entries(filters).map(([topic, qos]) => ({ topic, qos }));
  client.send({ cmd: 'subscribe', messageId, subscriptions });
  const { granted } = await client.next('suback', (packet) => packet.messageId === messageId);
  return granted;
}

export function publishPacket(
  topic: string,
  payload: string | Buffer = '{}',
  more: Partial<ReceivedPacket<'publish'>> = {},
): ReceivedPacket<'publish'> {
  const qos = more.qos ?? 1;
  return {
    cmd: 'publish',
    topic,
    payload,
    qos,
    dup: false,
    retain: false,
    ...(qos > 0 && { messageId: 1 }),
    ...more,
  };
}
