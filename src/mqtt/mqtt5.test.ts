/** What MQTT 5 has beyond 3.1.1, by packets as they are. docs/mqtt-conformance.md lists the statements. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { generate, type IConnectPacket, type IPublishPacket } from 'mqtt-packet';
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

const JOBS = 'fleet/thing-1/jobs';
const NOTIFY = `${JOBS}/notify`;
const GET = `${JOBS}/get`;
const NEVER = 0xffffffff;

let broker: TestBroker;
const clients: RawClient[] = [];

beforeEach(async () => {
  broker = await startTestBroker();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => broker.drop(client)));
  await broker.stop();
});

type Connect = Partial<Omit<IConnectPacket, 'cmd' | 'protocolVersion'>>;

async function connect({ thing = 'thing-1', ...more }: Connect & { thing?: string } = {}) {
  const client = await connectRaw(broker.port, loginOf(thing), { clean: true, ...more, protocolVersion: 5 });
  clients.push(client);
  await client.settled();
  return client;
}
const lasting = (sessionExpiryInterval: number, more: Connect['properties'] = {}) =>
  connect({ clean: false, properties: { sessionExpiryInterval, ...more } });

const tell = (n: number) => broker.publish(NOTIFY, `{"n":${n}}`);
const numberOf = ({ payload }: IPublishPacket) => (JSON.parse(payload.toString()) as { n: number }).n;
const numbersIn = (client: RawClient) =>
  client.packets.flatMap((packet) => (packet.cmd === 'publish' ? [numberOf(packet)] : []));

describe('CONNECT', () => {
  test('[MQTT-3.2.2-9] CONNACK tells what there is', async () => {
    const client = await connect({ properties: { requestResponseInformation: true } });
    expect(client.connack).toMatchObject({
      reasonCode: 0,
      sessionPresent: false,
      properties: {
        maximumPacketSize: 2 * 1024 * 1024,
        topicAliasMaximum: 16,
        responseInformation: 'fleet/thing-1/',
        sharedSubscriptionAvailable: false,
      },
    });
  });

  test('[MQTT-3.1.2-28] no response information for those that do not ask', async () => {
    expect((await connect()).connack.properties).not.toHaveProperty('responseInformation');
  });

  const refused: [string, Partial<IConnectPacket>, number][] = [
    ['a wrong password', { password: Buffer.from('wrong') }, 0x86],
    ['no password', { password: undefined }, 0x87],
    ['a user name that is nothing but ?', { username: '?SDK=1' }, 0x87],
    ['no client id', { clientId: '' }, 0x85],
    ['[MQTT-3.1.2-11] a receive maximum of 0', { properties: { receiveMaximum: 0 } }, 0x82],
    ['[MQTT-4.12.0-1] a method of authentication that there is not', { properties: { authenticationMethod: 'X' } }, 0x8c],
  ]; // prettier-ignore
  test.each(refused)('%s is refused by reason code', async (_what, more, reasonCode) => {
    const client = await openRaw(broker.port, 5);
    clients.push(client);
    client.send(connectPacket(loginOf('thing-1'), { clean: true, ...more, protocolVersion: 5 }));
    expect(await client.next('connack')).toMatchObject({ reasonCode, sessionPresent: false });
    await client.closed();
  });

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'a thing that is called %s is like any other',
    async (thing) => {
      for (let round = 0; round < 2; round++) {
        const client = await connect({ thing, clean: false, properties: { sessionExpiryInterval: 60 } });
        expect(client.connack.sessionPresent).toBe(round > 0);
        await subscribeRaw(client, { [`fleet/${thing}/#`]: 1 });
        await broker.publish(`fleet/${thing}/jobs/notify`, '{}');
        const { messageId } = await client.next('publish');
        client.send({ cmd: 'puback', messageId });
        await client.settled();
        await broker.drop(client);
      }
    },
  );

  test('[MQTT-3.1.4-3] a connection that takes over says so to the other one', async () => {
    const older = await connect();
    await connect();
    expect(await older.next('disconnect')).toMatchObject({ reasonCode: 0x8e });
    await older.closed();
  });

  test('credentials that were revoked, and a stop, are told', async () => {
    const revoked = await connect();
    broker.broker.disconnect('thing-1');
    expect(await revoked.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
    const stopped = await connect();
    await broker.restart();
    expect(await stopped.next('disconnect')).toMatchObject({ reasonCode: 0x8b });
  });
});

describe('session expiry', () => {
  const subscribed = async (expiry: number) => {
    const client = await lasting(expiry);
    await subscribeRaw(client, { [NOTIFY]: 1 });
    return client;
  };
  const ends = [
    ['a new connection', () => Promise.resolve()],
    ['a restart', () => broker.restart()],
    ['a kill', () => broker.kill()],
  ] as const;

  test.each(ends)('[MQTT-3.1.2-23] never, over %s', async (_over, end) => {
    await broker.drop(await subscribed(NEVER));
    await end();
    await tell(1);
    const again = await lasting(NEVER);
    expect(again.connack.sessionPresent).toBe(true);
    expect(numberOf(await again.next('publish'))).toBe(1);
  });

  test.each(ends)('0 seconds, over %s', async (_over, end) => {
    await broker.drop(await subscribed(0));
    await end();
    await tell(1);
    const again = await lasting(0);
    expect(again.connack.sessionPresent).toBe(false);
    await again.settled();
    expect(numbersIn(again)).toEqual([]);
  });

  test.each(ends)('1 second, over %s', async (_over, end) => {
    await broker.drop(await subscribed(1));
    await end();
    await sleep(1_100);
    const again = await lasting(1);
    expect(again.connack.sessionPresent).toBe(false);
    await tell(1);
    await again.settled();
    expect(numbersIn(again)).toEqual([]);
  });

  test('an hour, over a kill while it is connected', async () => {
    const client = await subscribed(3_600);
    await broker.kill();
    await client.closed();
    await tell(1);
    const again = await lasting(3_600);
    expect(again.connack.sessionPresent).toBe(true);
    expect(numberOf(await again.next('publish'))).toBe(1);
  });

  test('DISCONNECT changes it', async () => {
    const first = await subscribed(3_600);
    first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await first.closed();
    await broker.drop(undefined);
    const second = await subscribed(1);
    expect(second.connack.sessionPresent).toBe(false);
    second.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 3_600 } });
    await second.closed();
    await broker.restart();
    await sleep(1_100);
    expect((await lasting(1)).connack.sessionPresent).toBe(true);
  });

  test('[MQTT-3.1.2-4] Clean Start finds nothing, and its session outlives the connection', async () => {
    const first = await subscribed(3_600);
    await broker.drop(first);
    await tell(1);
    const clean = await connect({ clean: true, properties: { sessionExpiryInterval: 3_600 } });
    expect(clean.connack.sessionPresent).toBe(false);
    await subscribeRaw(clean, { [NOTIFY]: 1 });
    await tell(2);
    expect(numberOf(await clean.next('publish'))).toBe(2);
    await broker.drop(clean);
    const again = await lasting(3_600);
    expect(again.connack.sessionPresent).toBe(true);
    expect(await again.next('publish')).toMatchObject({ dup: true });
  });

  test('a session of 3.1.1 goes on under 5, and the other way round', async () => {
    const old = await connectRaw(broker.port, loginOf('thing-1'), { clean: false });
    await subscribeRaw(old, { [NOTIFY]: 1 });
    await broker.drop(old);
    await tell(1);
    const client = await lasting(1);
    expect(client.connack.sessionPresent).toBe(true);
    const { messageId } = await client.next('publish');
    await broker.drop(client);
    const again = await connectRaw(broker.port, loginOf('thing-1'), { clean: false });
    clients.push(again);
    expect(again.connack.sessionPresent).toBe(true);
    expect(await again.next('publish')).toMatchObject({ messageId, dup: true });
    await broker.drop(again);
    await sleep(1_100);
    // It is one of 3.1.1 again, which does not expire.
    const last = await connectRaw(broker.port, loginOf('thing-1'), { clean: false });
    clients.push(last);
    expect(last.connack.sessionPresent).toBe(true);
  });
});

describe('messages to a thing', () => {
  test.each([true, false])(
    '[MQTT-3.3.4-9] no more than its receive maximum are under way (clean: %s)',
    async (clean) => {
      const properties = { receiveMaximum: 2, sessionExpiryInterval: clean ? 0 : 60 };
      const client = await connect({ clean, properties });
      await subscribeRaw(client, { [NOTIFY]: 1 });
      for (let n = 1; n <= 6; n++) await tell(n);
      await client.settled();
      expect(numbersIn(client)).toEqual([1, 2]);
      for (let n = 1; n <= 6; n++) {
        const { messageId } = await client.next('publish', (packet) => numberOf(packet) === n);
        await client.settled();
        expect(numbersIn(client).length).toBeLessThanOrEqual(n + 1);
        client.send({ cmd: 'puback', messageId });
      }
      await client.settled();
      expect(numbersIn(client)).toEqual([1, 2, 3, 4, 5, 6]);
    },
  );

  test('the same for what was queued meanwhile', async () => {
    const first = await lasting(60);
    await subscribeRaw(first, { [NOTIFY]: 1 });
    await broker.drop(first);
    for (let n = 1; n <= 5; n++) await tell(n);
    const client = await lasting(60, { receiveMaximum: 1 });
    for (let n = 1; n <= 5; n++) {
      const { messageId } = await client.next('publish');
      await client.settled();
      expect(numbersIn(client)).toHaveLength(n);
      client.send({ cmd: 'puback', messageId });
    }
  });

  test.each([0, 60])(
    '[MQTT-3.1.2-24] [MQTT-3.1.2-25] one that is larger than it takes is dropped (expiry %i)',
    async (expiry) => {
      const client = await connect({
        clean: expiry === 0,
        properties: { maximumPacketSize: 200, sessionExpiryInterval: expiry },
      });
      await subscribeRaw(client, { [`${JOBS}/#`]: 1 });
      const large = JSON.stringify({ n: 1, text: 'x'.repeat(300) });
      await broker.publish(NOTIFY, large);
      await tell(2);
      expect(numberOf(await client.next('publish'))).toBe(2);
      await broker.drop(client);
      if (expiry === 0) return;
      // Nor does it come later.
      const again = await lasting(60);
      expect(numberOf(await again.next('publish'))).toBe(2);
    },
  );

  test('[MQTT-3.3.4-3] [MQTT-3.3.4-4] it tells the identifiers of all subscriptions that match', async () => {
    const first = await lasting(60);
    for (const [i, [filter, id]] of [
      [NOTIFY, 7],
      [`${JOBS}/#`, 300],
      [`${JOBS}/get/#`, 9],
      [`${JOBS}/+`, 7],
    ].entries()) {
      first.send({
        ...{ cmd: 'subscribe', messageId: i + 1 },
        subscriptions: [{ topic: String(filter), qos: 1 }],
        properties: { subscriptionIdentifier: Number(id) },
      });
      await first.next('suback');
    }
    await tell(1);
    const idsOf = ({ properties }: IPublishPacket) => [properties?.subscriptionIdentifier].flat().sort();
    expect(idsOf(await first.next('publish'))).toEqual([300, 7]);
    await broker.drop(first);
    await tell(2);
    const again = await lasting(60);
    await again.next('publish');
    expect(idsOf(await again.next('publish'))).toEqual([300, 7]);
  });

  test('an answer brings the correlation data back, also to a session that was away', async () => {
    const first = await lasting(60);
    await subscribeRaw(first, { [`${JOBS}/#`]: 1 });
    const data = Buffer.from([0, 1, 0xff]);
    await broker.publish(`${GET}/accepted`, '{}', data.toString('base64'));
    expect((await first.next('publish')).properties).toEqual({ correlationData: data });
    await broker.drop(first);
    const again = await lasting(60);
    expect((await again.next('publish')).properties).toEqual({ correlationData: data });
    await tell(1);
    expect((await again.next('publish')).properties).toBeUndefined();
  });
});

describe('PUBLISH to Muster', () => {
  test('a refused one says why and keeps the connection, in its order', async () => {
    const client = await connect();
    let serve!: () => void;
    broker.onRequest = () => new Promise((resolve) => (serve = resolve));
    client.send(
      publishPacket(GET, '{}', { messageId: 1 }),
      publishPacket('fleet/thing-2/jobs/get', '{}', { messageId: 2 }),
      publishPacket(`${GET}/accepted`, '{}', { messageId: 3, qos: 2 }),
      publishPacket('elsewhere', '{}', { qos: 0 }),
    );
    await eventually(() => expect(broker.requests).toHaveLength(1));
    expect(client.packets.some(({ cmd }) => cmd === 'puback')).toBe(false);
    serve();
    expect(await client.next('puback')).toMatchObject({ messageId: 1, reasonCode: 0 });
    expect(await client.next('puback')).toMatchObject({
      ...{ messageId: 2, reasonCode: 0x87 },
      properties: { reasonString: 'thing-1 may not publish to fleet/thing-2/jobs/get.' },
    });
    expect(await client.next('pubrec')).toMatchObject({ messageId: 3, reasonCode: 0x87 });
    const acknowledged = client.packets.filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec');
    expect(acknowledged.map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
    broker.onRequest = () => Promise.resolve();
    client.send(publishPacket(GET));
    await client.next('puback');
    expect(broker.requests).toHaveLength(2);
  });

  test('[MQTT-3.1.2-29] without a reason for those that want none', async () => {
    const client = await connect({ properties: { requestProblemInformation: false } });
    client.send(publishPacket('fleet/thing-2/jobs/get'));
    expect((await client.next('puback')).properties).toBeUndefined();
  });

  test('one that cannot be taken now is not acknowledged: the connection is closed, so that it comes again', async () => {
    const client = await connect();
    broker.onRequest = () => Promise.reject(new Error('not now'));
    client.send(publishPacket(GET));
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x83 });
    await client.closed();
    expect(client.packets.some(({ cmd }) => cmd === 'puback')).toBe(false);
  });

  test('response topic and correlation data are handed on; a foreign topic is refused', async () => {
    const client = await connect();
    const correlationData = Buffer.from('c-1');
    const responseTopic = 'fleet/thing-1/answers';
    client.send(publishPacket(GET, '{}', { properties: { responseTopic, correlationData } }));
    expect(await client.next('puback')).toMatchObject({ reasonCode: 0 });
    const reply = { responseTopic, correlationData: correlationData.toString('base64') };
    expect(broker.requests).toEqual([{ topic: GET, payload: '{}', reply }]);
    for (const properties of [
      { responseTopic: 'fleet/thing-2/jobs/get' },
      { correlationData: Buffer.alloc(5_000) },
    ]) {
      client.send(publishPacket(GET, '{}', { properties }));
      expect(await client.next('puback')).toMatchObject({ reasonCode: 0x87 });
    }
    expect(broker.requests).toHaveLength(1);
  });

  test('[MQTT-3.3.2-12] topic aliases', async () => {
    const client = await connect();
    const alias = (topic: string, topicAlias: number) =>
      publishPacket(topic, '{}', { properties: { topicAlias } });
    client.send(alias(GET, 16), alias('', 16), alias(`${JOBS}/start-next`, 16), alias('', 16));
    for (let i = 0; i < 4; i++) expect(await client.next('puback')).toMatchObject({ reasonCode: 0 });
    expect(broker.requests.map(({ topic }) => topic)).toEqual([
      GET,
      GET,
      `${JOBS}/start-next`,
      `${JOBS}/start-next`,
    ]);
  });

  test.each([
    ['[MQTT-3.3.2-7] one that was never set', '', 1],
    ['[MQTT-3.3.2-9] one above the maximum', GET, 17],
    ['[MQTT-3.3.2-8] 0', GET, 0],
  ])('a topic alias: %s', async (_what, topic, topicAlias) => {
    const client = await connect();
    client.send(publishPacket(topic, '{}', { properties: { topicAlias } }));
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x94 });
    await client.closed();
    expect(broker.requests).toEqual([]);
  });

  test('[MQTT-3.2.2-15] a packet over 2 MiB', async () => {
    const client = await connect();
    client.send(publishPacket(GET, Buffer.alloc(3 * 1024 * 1024)));
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x95 });
    await client.closed();
  });

  test('[MQTT-4.13.1-1] [MQTT-4.13.2-1] a packet that is none', async () => {
    const client = await connect();
    client.send(Buffer.from([0x32, 7, 0, 1, 0xff, 0, 1, 0, 0]));
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x81 });
    await client.closed();
  });
});

test('[MQTT-3.9.3-1] SUBACK and UNSUBACK say why', async () => {
  const client = await connect();
  const filters = { [NOTIFY]: 1, 'fleet/thing-2/#': 1, [`$share/g/${NOTIFY}`]: 1 } as const;
  expect(await subscribeRaw(client, filters)).toEqual([1, 0x87, 0x9e]);
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [NOTIFY, `${JOBS}/#`] });
  expect(await client.next('unsuback')).toMatchObject({ granted: [0, 0x11] });
});

/** Any property with any value, on any packet: none of it may harm others. */
test('whatever properties say, the broker serves on', async () => {
  const PROPERTIES = [
    ...[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1c],
    ...[0x1f, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x00, 0x7f],
  ];
  const property = fc
    .tuple(fc.constantFrom(...PROPERTIES), fc.uint8Array({ maxLength: 12 }))
    .map(([id, value]) => Buffer.from([id, ...value]));
  const properties = fc
    .tuple(fc.array(property, { maxLength: 4 }), fc.option(fc.integer({ min: 0, max: 127 })))
    .map(([all, lie]) => {
      const bytes = Buffer.concat(all);
      return Buffer.concat([Buffer.from([lie ?? bytes.length]), bytes]);
    });
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const id = Buffer.from([0, 1]);
  const packets: ((some: Buffer) => [number, Buffer])[] = [
    (some) => [0x32, Buffer.concat([text(GET), id, some, Buffer.from('{}')])],
    (some) => [0x34, Buffer.concat([text(''), id, some])],
    (some) => [0x82, Buffer.concat([id, some, text(NOTIFY), Buffer.from([1])])],
    (some) => [0xa2, Buffer.concat([id, some, text(NOTIFY)])],
    (some) => [0x40, Buffer.concat([id, Buffer.from([0]), some])],
    (some) => [0x62, Buffer.concat([id, Buffer.from([0]), some])],
    (some) => [0xe0, Buffer.concat([Buffer.from([0]), some])],
    (some) => [0xf0, Buffer.concat([Buffer.from([0x18]), some])],
  ];
  const connectWith = (some: Buffer): [number, Buffer] => [
    0x10,
    Buffer.concat([
      text('MQTT'),
      Buffer.from([5, 0xc2, 0, 0]),
      some,
      ...['thing-1', 'thing-1', 'secret'].map(text),
    ]),
  ];
  const bytesOf = ([first, body]: [number, Buffer]) =>
    Buffer.concat([Buffer.from([first, body.length]), body]);
  const good = generate(connectPacket(loginOf('thing-1'), { clean: true, protocolVersion: 5 }), {
    protocolVersion: 5,
  });
  const other = await connect({ thing: 'thing-2' });

  const property1 = fc.asyncProperty(
    fc.option(properties),
    fc.array(fc.tuple(fc.constantFrom(...packets), properties), { maxLength: 5 }),
    async (connecting, rest) => {
      const client = await openRaw(broker.port, 5);
      client.socket.removeAllListeners('data').resume();
      client.send(connecting ? bytesOf(connectWith(connecting)) : good);
      client.send(...rest.map(([make, some]) => bytesOf(make(some))));
      await Promise.race([client.closed(), sleep(20)]);
      await client.drop();
    },
  );
  await fc.assert(property1, { numRuns: Number(process.env.FUZZ_CASES ?? 400) });
  other.send(publishPacket('fleet/thing-2/jobs/get'));
  await other.next('puback');
});
