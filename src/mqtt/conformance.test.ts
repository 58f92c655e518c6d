/**
 * MQTT 3.1.1, statement by statement, by packets and bytes as they are. docs/mqtt-conformance.md lists what each
 * statement is held by; what a session is sent is in delivery.test.ts.
 */
import type { IConnectPacket } from 'mqtt-packet';
import { loginOf, startTestBroker, type TestBroker } from '../../test/support/embedded-broker';
import { eventually } from '../../test/support/eventually';
import {
  connectPacket,
  connectRaw,
  openRaw,
  publishPacket,
  subscribeRaw,
  type RawClient,
} from '../../test/support/raw-mqtt';

const THING = loginOf('thing-1');
const JOBS = 'fleet/thing-1/jobs';
const NOTIFY = `${JOBS}/notify`;
const GET = `${JOBS}/get`;

let broker: TestBroker;
const clients: RawClient[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => broker.drop(client)));
  broker.requests.length = 0;
  broker.onRequest = () => Promise.resolve();
});
afterAll(() => broker.stop());

async function open(): Promise<RawClient> {
  const client = await openRaw(broker.port);
  clients.push(client);
  return client;
}

async function connect(more: Partial<IConnectPacket> = {}) {
  const client = await connectRaw(broker.port, THING, { clean: true, ...more });
  clients.push(client);
  await client.settled();
  return client;
}

/** A packet of a first byte and what follows its length. */
function packet(first: number, ...rest: (number | string | Uint8Array)[]): Uint8Array {
  const body = Buffer.concat(
    rest.map((one) => (typeof one === 'number' ? Buffer.from([one]) : Buffer.from(one))),
  );
  if (body.length > 127) throw new Error('too long for one byte of length');
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

/** A string with its length, as UTF-8 or as it is. */
function text(value: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

const connectBytes = (
  over: { name?: string; level?: number; flags?: number; first?: number; clientId?: string } = {},
) =>
  packet(
    over.first ?? 0x10,
    ...[text(over.name ?? 'MQTT'), over.level ?? 4, over.flags ?? 0xc2, 0, 0],
    ...[text(over.clientId ?? THING.clientId), text(THING.username), text(THING.password)],
  );

/** It is served still: another connection is not harmed by what one of them does. */
async function expectServed(): Promise<void> {
  const client = await connect();
  client.send(publishPacket(GET));
  await client.next('puback');
}

describe('what is no MQTT closes the connection', () => {
  const NOT_UTF8 = Buffer.from([...Buffer.from(`${JOBS}/`), 0xc3, 0x28]);
  const SURROGATE = Buffer.from([...Buffer.from(`${JOBS}/`), 0xed, 0xa0, 0x80]);
  const NUL = Buffer.from(`${JOBS}/\0get`);
  const ID = [0, 1];
  const afterConnect: [string, Uint8Array][] = [
    ['[MQTT-1.5.3-1] a topic that is not UTF-8', packet(0x32, text(NOT_UTF8), ...ID, '{}')],
    ['[MQTT-1.5.3-1] a surrogate in a topic', packet(0x32, text(SURROGATE), ...ID, '{}')],
    ['[MQTT-1.5.3-2] U+0000 in a topic', packet(0x32, text(NUL), ...ID, '{}')],
    ['[MQTT-3.8.3-1] a filter that is not UTF-8', packet(0x82, ...ID, text(NOT_UTF8), 1)],
    ['[MQTT-1.5.3-2] U+0000 in a filter', packet(0x82, ...ID, text(NUL), 1)],
    ['[MQTT-3.10.3-1] a filter to unsubscribe that is not UTF-8', packet(0xa2, ...ID, text(NOT_UTF8))],
    ['[MQTT-2.2.2-2] PINGREQ with flags', packet(0xc1)],
    ['[MQTT-3.14.1-1] DISCONNECT with flags', packet(0xe1)],
    ['[MQTT-2.2.2-2] PUBACK with flags', packet(0x41, ...ID)],
    ['[MQTT-3.6.1-1] PUBREL without its flags', packet(0x60, ...ID)],
    ['[MQTT-3.8.1-1] SUBSCRIBE without its flags', packet(0x80, ...ID, text(NOTIFY), 1)],
    ['[MQTT-3.10.1-1] UNSUBSCRIBE without its flags', packet(0xa0, ...ID, text(NOTIFY))],
    ['[MQTT-2.3.1-1] PUBLISH at QoS 1 with identifier 0', packet(0x32, text(GET), 0, 0, '{}')],
    ['[MQTT-2.3.1-1] SUBSCRIBE with identifier 0', packet(0x82, 0, 0, text(NOTIFY), 1)],
    ['[MQTT-2.3.1-1] UNSUBSCRIBE with identifier 0', packet(0xa2, 0, 0, text(NOTIFY))],
    ['[MQTT-3.1.0-2] a second CONNECT', connectBytes()],
    ['[MQTT-3.3.1-2] DUP at QoS 0', packet(0x38, text(GET), '{}')],
    ['[MQTT-3.3.1-4] QoS 3', packet(0x36, text(GET), ...ID, '{}')],
    ['[MQTT-3.3.2-2] a wildcard in a topic', packet(0x32, text(`${JOBS}/+/get`), ...ID, '{}')],
    ['[MQTT-3.3.2-2] a # in a topic', packet(0x32, text(`${JOBS}/#`), ...ID, '{}')],
    ['[MQTT-4.7.3-1] an empty topic', packet(0x32, text(''), ...ID, '{}')],
    ['[MQTT-4.7.3-1] an empty filter', packet(0x82, ...ID, text(''), 1)],
    ['[MQTT-3.8.3-3] SUBSCRIBE without a filter', packet(0x82, ...ID)],
    ['[MQTT-3.8.3-4] SUBSCRIBE at QoS 3', packet(0x82, ...ID, text(NOTIFY), 3)],
    ['[MQTT-3.8.3-4] reserved bits of a filter', packet(0x82, ...ID, text(NOTIFY), 0x81)],
    ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', packet(0xa2, ...ID)],
    ['[MQTT-4.7.1-2] # that is not last', packet(0x82, ...ID, text('fleet/thing-1/#/a'), 1)],
    ['[MQTT-4.7.1-2] # beside other characters', packet(0x82, ...ID, text('fleet/thing-1/a#'), 1)],
    ['[MQTT-4.7.1-3] + beside other characters', packet(0x82, ...ID, text('fleet/thing-1/a+/b'), 1)],
    ['[MQTT-4.8.0-1] a packet of the server', packet(0x20, 0, 0)],
    ['[MQTT-4.8.0-1] packet type 0', packet(0x00)],
    ['[MQTT-4.8.0-1] AUTH, which is of MQTT 5', packet(0xf0)],
    ['[MQTT-4.8.0-1] a length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ];
  test.each(afterConnect)('%s', async (_what, bytes) => {
    const client = await connect();
    client.send(bytes);
    await client.closed();
    // Nothing of it was served, and nothing was answered.
    expect(broker.requests).toEqual([]);
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
    await expectServed();
  });

  const first: [string, Uint8Array][] = [
    ['[MQTT-3.1.0-1] PINGREQ before CONNECT', packet(0xc0)],
    ['[MQTT-3.1.0-1] PUBLISH before CONNECT', packet(0x30, text(GET), '{}')],
    ['[MQTT-3.1.0-1] SUBSCRIBE before CONNECT', packet(0x82, ...ID, text(NOTIFY), 1)],
    ['[MQTT-3.1.2-1] another protocol name', connectBytes({ name: 'MQTX' })],
    ['[MQTT-2.2.2-2] CONNECT with flags', connectBytes({ first: 0x11 })],
    ['[MQTT-3.1.2-3] the reserved flag of CONNECT', connectBytes({ flags: 0xc3 })],
    ['[MQTT-3.1.2-13] QoS of a will without one', connectBytes({ flags: 0xca })],
    ['[MQTT-3.1.2-15] retain of a will without one', connectBytes({ flags: 0xe2 })],
    ['[MQTT-3.1.2-14] a will at QoS 3', packet(0x10, text('MQTT'), 4, 0xde, 0, 0, text('thing-1'), text('t'), text('p'), text('thing-1'), text('secret'))],
    ['[MQTT-3.1.2-22] a password without a user name', packet(0x10, text('MQTT'), 4, 0x42, 0, 0, text('thing-1'), text('secret'))],
    ['[MQTT-3.1.2-19] a user name that is announced and not there', packet(0x10, text('MQTT'), 4, 0x82, 0, 0, text('thing-1'))],
    ['[MQTT-3.1.3-3] no client id at all', packet(0x10, text('MQTT'), 4, 2, 0, 0)],
    ['[MQTT-3.1.3-4] a client id that is not UTF-8', packet(0x10, text('MQTT'), 4, 0xc2, 0, 0, text(Buffer.from([0xc3, 0x28])), text('thing-1'), text('secret'))],
    ['[MQTT-3.1.3-11] a user name that is not UTF-8', packet(0x10, text('MQTT'), 4, 0xc2, 0, 0, text('thing-1'), text(Buffer.from([0xc3, 0x28])), text('secret'))],
  ]; // prettier-ignore
  test.each(first)('%s', async (_what, bytes) => {
    const client = await open();
    client.send(bytes);
    await client.closed();
    const refused = client.packets.filter((one) => one.cmd !== 'connack' || one.returnCode === 0);
    expect(refused).toEqual([]);
    await expectServed();
  });
});

describe('CONNECT', () => {
  test.each([0, 1, 2, 6, 84, 255])(
    '[MQTT-3.1.2-2] protocol level %i is answered with return code 1, and closed',
    async (level) => {
      const client = await open();
      client.send(connectBytes({ level }));
      expect(await client.next('connack')).toMatchObject({ returnCode: 1, sessionPresent: false });
      await client.closed();
    },
  );

  test('[MQTT-3.1.2-24] a client that is silent for one and a half times its keep alive is cut off', async () => {
    const client = await connect({ keepalive: 1 });
    const begun = performance.now();
    await client.closed();
    expect(performance.now() - begun).toBeGreaterThan(1_400);
  });

  test('[MQTT-3.1.3-8] [MQTT-3.1.3-9] no client id and no clean session: return code 2, and closed', async () => {
    const client = await open();
    client.send(connectBytes({ flags: 0xc0, clientId: '' }));
    expect(await client.next('connack')).toMatchObject({ returnCode: 2, sessionPresent: false });
    await client.closed();
  });

  test('[MQTT-3.1.4-2] the same client id ends the connection that has it', async () => {
    const older = await connect();
    const newer = await connect();
    await older.closed();
    await newer.settled();
  });

  test('[MQTT-3.1.4-5] [MQTT-3.2.2-4] [MQTT-3.2.2-5] what follows a CONNECT that is refused is not served', async () => {
    const client = await open();
    client.send(connectPacket({ ...THING, password: 'wrong' }), publishPacket(GET), publishPacket(GET));
    expect(await client.next('connack')).toMatchObject({ returnCode: 4, sessionPresent: false });
    await client.closed();
    expect(broker.requests).toEqual([]);
    expect(client.packets).toHaveLength(1);
  });

  test('[MQTT-3.1.4-4] what comes right behind CONNECT is served once it is granted', async () => {
    const client = await open();
    client.send(connectPacket(THING, { clean: true }), publishPacket(GET));
    await client.next('puback');
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'puback']);
  });

  test('[MQTT-3.1.2-6] [MQTT-3.2.2-1] a clean session finds nothing of a former one, and leaves nothing', async () => {
    const before = await connect({ clean: false });
    await subscribeRaw(before, { [NOTIFY]: 1 });
    await broker.drop(before);
    await broker.publish(NOTIFY, '{"n":1}');
    const clean = await connect({ clean: true });
    expect(clean.connack.sessionPresent).toBe(false);
    await subscribeRaw(clean, { [NOTIFY]: 1 });
    await broker.drop(clean);
    await broker.publish(NOTIFY, '{"n":2}');
    const after = await connect({ clean: false });
    expect(after.connack.sessionPresent).toBe(false);
    await broker.publish(NOTIFY, '{"n":3}');
    await after.settled();
    expect(after.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });

  test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3] a session is there again; one without subscriptions is over with its connection', async () => {
    await broker.drop(await connect({ clean: true }));
    const first = await connect({ clean: false });
    expect(first.connack.sessionPresent).toBe(false);
    // As one whose SUBSCRIBE was under way: it must hear that it has to subscribe again.
    await broker.drop(first);
    const second = await connect({ clean: false });
    expect(second.connack.sessionPresent).toBe(false);
    await subscribeRaw(second, { [NOTIFY]: 1 });
    await broker.drop(second);
    const third = await connect({ clean: false });
    expect(third.connack.sessionPresent).toBe(true);
    await broker.drop(third);
    await broker.restart();
    expect((await connect({ clean: false })).connack.sessionPresent).toBe(true);
  });

  test('[MQTT-3.1.2-10] [MQTT-3.14.4-3] a will reaches nobody', async () => {
    const watching = await connect();
    await subscribeRaw(watching, { 'fleet/thing-1/#': 1 });
    const dying = await connectRaw(broker.port, loginOf('thing-2'), {
      clean: true,
      will: { topic: NOTIFY, payload: Buffer.from('{}'), qos: 1, retain: true },
    });
    await dying.drop();
    await broker.publish(NOTIFY, '{"n":1}');
    const { payload } = await watching.next('publish');
    expect(JSON.parse(payload.toString())).toEqual({ n: 1 });
  });
});

describe('PUBLISH to Muster', () => {
  test('[MQTT-2.3.1-6] [MQTT-4.3.2-2] at QoS 1: PUBACK with its identifier, once it is served', async () => {
    const client = await connect();
    let serve!: () => void;
    broker.onRequest = () => new Promise((resolve) => (serve = resolve));
    client.send(publishPacket(GET, '{"a":1}', { messageId: 4711 }));
    await eventually(() => expect(broker.requests).toEqual([{ topic: GET, payload: '{"a":1}' }]));
    await client.settled();
    expect(client.packets.some(({ cmd }) => cmd === 'puback')).toBe(false);
    serve();
    expect(await client.next('puback')).toMatchObject({ messageId: 4711 });
  });

  test('[MQTT-4.3.1-1] at QoS 0: served, and not answered', async () => {
    const client = await connect();
    client.send(publishPacket(GET, '{}', { qos: 0 }));
    await client.settled();
    await eventually(() => expect(broker.requests).toHaveLength(1));
    await client.settled();
    expect(client.packets.map(({ cmd }) => cmd).filter((cmd) => cmd !== 'pingresp')).toEqual(['connack']);
  });

  test('[MQTT-4.3.2-2] at QoS 1 one that comes again is served again', async () => {
    const client = await connect();
    client.send(publishPacket(GET), publishPacket(GET, '{}', { dup: true }));
    await client.next('puback');
    await client.next('puback');
    expect(broker.requests).toHaveLength(2);
  });

  test('[MQTT-4.3.3-2] at QoS 2: served once, however often it comes before PUBREL', async () => {
    const client = await connect();
    const publish = publishPacket(GET, '{}', { qos: 2, messageId: 9 });
    client.send(publish, { ...publish, dup: true });
    for (let i = 0; i < 2; i++) expect(await client.next('pubrec')).toMatchObject({ messageId: 9 });
    client.send({ ...publish, dup: true });
    expect(await client.next('pubrec')).toMatchObject({ messageId: 9 });
    expect(broker.requests).toHaveLength(1);
    client.send({ cmd: 'pubrel', messageId: 9 });
    expect(await client.next('pubcomp')).toMatchObject({ messageId: 9 });
    // A new message under the same identifier.
    client.send(publish);
    await client.next('pubrec');
    expect(broker.requests).toHaveLength(2);
  });

  test('[MQTT-4.3.3-2] [MQTT-4.4.0-1] at QoS 2 over a new connection, and a restart', async () => {
    const publish = publishPacket(GET, '{}', { qos: 2, messageId: 10 });
    const first = await connect({ clean: false });
    first.send(publish);
    await first.next('pubrec');
    await broker.drop(first);
    const second = await connect({ clean: false });
    second.send({ ...publish, dup: true });
    await second.next('pubrec');
    await broker.drop(second);
    await broker.restart();
    const third = await connect({ clean: false });
    third.send({ ...publish, dup: true });
    await third.next('pubrec');
    third.send({ cmd: 'pubrel', messageId: 10 });
    await third.next('pubcomp');
    expect(broker.requests).toHaveLength(1);
  });

  test('[MQTT-4.3.3-2] PUBREL of an identifier that is not known is answered', async () => {
    const client = await connect();
    client.send({ cmd: 'pubrel', messageId: 77 });
    expect(await client.next('pubcomp')).toMatchObject({ messageId: 77 });
  });

  test('[MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] in the order of the client, at whatever QoS', async () => {
    const client = await connect();
    const order = Array.from({ length: 12 }, (_, i) => String(i));
    for (const [i, payload] of order.entries())
      client.send(publishPacket(GET, payload, { qos: (i % 3) as 0 | 1 | 2, messageId: i + 1 }));
    await eventually(() => expect(broker.requests).toHaveLength(order.length));
    expect(broker.requests.map(({ payload }) => payload)).toEqual(order);
    await client.settled();
    const acknowledged = (by: string) =>
      client.packets.filter(({ cmd }) => cmd === by).map(({ messageId }) => messageId);
    await eventually(() => {
      expect(acknowledged('puback')).toEqual([2, 5, 8, 11]);
      expect(acknowledged('pubrec')).toEqual([3, 6, 9, 12]);
    });
  });

  test('[MQTT-3.3.5-2] [MQTT-4.8.0-2] what it may not publish, or cannot be taken, is not acknowledged: closed', async () => {
    const forbidden = await connect();
    forbidden.send(publishPacket('fleet/thing-2/jobs/get'));
    await forbidden.closed();
    const failing = await connect();
    broker.onRequest = () => Promise.reject(new Error('not now'));
    failing.send(publishPacket(GET));
    await failing.closed();
    for (const client of [forbidden, failing])
      expect(client.packets.some(({ cmd }) => cmd === 'puback')).toBe(false);
  });

  test('[MQTT-3.3.1-5] [MQTT-3.3.1-7] nothing is retained', async () => {
    const client = await connect();
    client.send(publishPacket(`${JOBS}/state`, 'x', { retain: true }));
    await client.next('puback');
    await subscribeRaw(client, { 'fleet/thing-1/#': 1 });
    await client.settled();
    expect(client.packets.some(({ cmd }) => cmd === 'publish')).toBe(false);
  });
});

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  test('[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1] [MQTT-3.9.3-2] a return code for each filter, in their order', async () => {
    const client = await connect();
    const filters = {
      [NOTIFY]: 2,
      'fleet/thing-2/#': 1,
      [`${JOBS}/+`]: 0,
      '#': 1,
      [`${JOBS}/a/#`]: 1,
    } as const;
    expect(await subscribeRaw(client, filters, 513)).toEqual([2, 128, 0, 128, 1]);
  });

  test('[MQTT-3.8.4-3] a filter that is there already is replaced, and nothing comes twice', async () => {
    const client = await connect();
    await subscribeRaw(client, { [NOTIFY]: 1 }, 1);
    await subscribeRaw(client, { [NOTIFY]: 0 }, 2);
    await broker.publish(NOTIFY, '{}');
    await client.settled();
    const publishes = client.packets.filter(({ cmd }) => cmd === 'publish');
    expect(publishes).toMatchObject([{ qos: 0 }]);
    expect(publishes[0]).not.toHaveProperty('messageId', expect.anything());
  });

  test('[MQTT-3.10.4-1] [MQTT-3.10.4-2] only the very filter is removed', async () => {
    const client = await connect();
    await subscribeRaw(client, { [`${JOBS}/+`]: 1 });
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [NOTIFY, `${JOBS}/#`] });
    await client.next('unsuback');
    await broker.publish(NOTIFY, '{}');
    await client.next('publish');
    client.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [`${JOBS}/+`] });
    await client.next('unsuback');
    await broker.publish(NOTIFY, '{}');
    await client.settled();
    expect(client.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(1);
  });

  test('[MQTT-3.10.4-3] what was begun at QoS 1 is brought to its end', async () => {
    const client = await connect({ clean: false });
    await subscribeRaw(client, { [NOTIFY]: 1 });
    await broker.publish(NOTIFY, '{"n":1}');
    const { messageId } = await client.next('publish');
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [NOTIFY] });
    await client.next('unsuback');
    await broker.drop(client);
    const again = await connect({ clean: false });
    expect(await again.next('publish')).toMatchObject({ messageId, dup: true });
    again.send({ cmd: 'puback', messageId });
    await again.settled();
  });

  test('[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] UNSUBACK, also where nothing was to be removed', async () => {
    const client = await connect();
    client.send({ cmd: 'unsubscribe', messageId: 258, unsubscriptions: [NOTIFY, `${JOBS}/#`] });
    expect(await client.next('unsuback')).toMatchObject({ messageId: 258 });
  });

  test('[MQTT-3.3.2-3] [MQTT-4.7.1-1] [MQTT-4.7.3-4] wildcards match levels, and a message carries its own topic', async () => {
    const client = await connect();
    await subscribeRaw(client, { [`${JOBS}/+/get/#`]: 1 });
    for (const suffix of ['a/get', 'a/get/accepted', 'A/get/x/y', 'a/GET/accepted', 'a/b/get', '/get/x'])
      await broker.publish(`${JOBS}/${suffix}`, '{}');
    await client.settled();
    const topics = client.packets.flatMap((one) => (one.cmd === 'publish' ? [one.topic] : []));
    expect(topics).toEqual(
      ['a/get', 'a/get/accepted', 'A/get/x/y', '/get/x'].map((suffix) => `${JOBS}/${suffix}`),
    );
  });
});

test('[MQTT-3.12.4-1] PINGREQ is answered', async () => {
  const client = await connect();
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
});

test('[MQTT-3.14.4-1] [MQTT-3.14.4-2] behind DISCONNECT nothing is served any more', async () => {
  const client = await connect();
  client.send({ cmd: 'disconnect' }, publishPacket(GET));
  await client.closed();
  await expectServed();
  expect(broker.requests).toHaveLength(1);
});

test('[MQTT-2.3.1-4] [MQTT-2.3.1-5] messages to a thing have identifiers of their own, at QoS 0 none', async () => {
  const client = await connect({ clean: false });
  await subscribeRaw(client, { [NOTIFY]: 1, [`${JOBS}/notify-next`]: 0 });
  for (let i = 0; i < 20; i++) {
    await broker.publish(NOTIFY, '{}');
    await broker.publish(`${JOBS}/notify-next`, '{}');
  }
  await client.settled();
  const publishes = client.packets.filter((one) => one.cmd === 'publish');
  const ids = publishes.filter(({ qos }) => qos === 1).map(({ messageId }) => messageId);
  expect(ids).toHaveLength(20);
  expect(new Set(ids).size).toBe(20);
  expect(ids).not.toContain(0);
  for (const { qos, messageId } of publishes) if (qos === 0) expect(messageId).toBeUndefined();
  for (const messageId of ids) client.send({ cmd: 'puback', messageId });
  await client.settled();
});
