/** What a session is sent, at which quality, how often: by raw packets, so that nothing is acknowledged by itself. */
import fc from 'fast-check';
import type { IPublishPacket, QoS } from 'mqtt-packet';
import { loginOf, startTestBroker, type TestBroker } from '../../test/support/embedded-broker';
import { connectRaw, subscribeRaw, type RawClient } from '../../test/support/raw-mqtt';

const JOBS = 'fleet/thing-1/jobs';
const NOTIFY = `${JOBS}/notify`;

let broker: TestBroker;
const clients: RawClient[] = [];

beforeEach(async () => {
  broker = await startTestBroker();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await broker.stop();
});

async function connect(clean = false): Promise<Awaited<ReturnType<typeof connectRaw>>> {
  const client = await connectRaw(broker.port, loginOf('thing-1'), { clean });
  clients.push(client);
  // Until the broker has gone on from its CONNACK.
  await client.settled();
  return client;
}

const restart = () => broker.restart();
const kill = () => broker.kill();
const drop = (client: RawClient | undefined) => broker.drop(client);
const tell = (n: number, topic = NOTIFY) => broker.publish(topic, `{"n":${n}}`);
const numberOf = ({ payload }: IPublishPacket) => (JSON.parse(payload.toString()) as { n: number }).n;

const LAST = -1;

/** Every message received, when all that was to come has come: one more is sent behind them. */
async function received(client: RawClient): Promise<IPublishPacket[]> {
  await tell(LAST);
  const last = await client.next('publish', (packet) => numberOf(packet) === LAST);
  if (last.qos > 0) client.send({ cmd: 'puback', messageId: last.messageId });
  await client.settled();
  const messages = client.packets.filter((packet) => packet.cmd === 'publish');
  return messages.filter((packet) => numberOf(packet) !== LAST);
}

async function acknowledgeAll(client: RawClient): Promise<void> {
  for (const { messageId, qos } of await received(client))
    if (qos > 0) client.send({ cmd: 'puback', messageId });
  await client.settled();
}

describe('[MQTT-3.3.5-1] overlapping filters', () => {
  type Filters = [string, QoS][];
  const overlaps: [string, Filters, QoS][] = [
    ['a wide one at 0, then an exact one at 1', [['#', 0], ['notify', 1]], 1], // prettier-ignore
    ['an exact one at 1, then a wide one at 0', [['notify', 1], ['#', 0]], 1], // prettier-ignore
    ['a wide one at 1, then an exact one at 0', [['#', 1], ['notify', 0]], 1], // prettier-ignore
    ['an exact one at 0, then a wide one at 1', [['notify', 0], ['#', 1]], 1], // prettier-ignore
    ['two wide ones', [['+', 0], ['#', 1]], 1], // prettier-ignore
    ['three that take it all', [['+', 1], ['#', 2], ['notify', 0]], 1], // prettier-ignore
    ['both at 0', [['#', 0], ['notify', 0]], 0], // prettier-ignore
    ['one filter, first at 0 and then at 1', [['notify', 0], ['notify', 1]], 1], // prettier-ignore
    ['one filter, first at 1 and then at 0', [['notify', 1], ['notify', 0]], 0], // prettier-ignore
  ];
  const kinds = [
    ['persistent', false],
    ['clean', true],
  ] as const;

  describe.each(kinds)('a %s session', (_kind, clean) => {
    test.each(overlaps)('%s', async (_what, filters, highest) => {
      const client = await connect(clean);
      for (const [i, [suffix, qos]] of filters.entries())
        expect(await subscribeRaw(client, { [`${JOBS}/${suffix}`]: qos }, i + 1)).toEqual([qos]);
      await tell(1);
      await tell(2);
      const messages = await received(client);
      expect(messages.map(({ qos, dup }) => ({ qos, dup }))).toEqual(
        Array<object>(2).fill({ qos: highest, dup: false }),
      );
      expect(messages.map(numberOf)).toEqual([1, 2]);
    });
  });

  test.each(overlaps)(
    '%s: nothing comes again after its PUBACK, nor after a restart',
    async (_what, filters) => {
      const first = await connect();
      for (const [i, [suffix, qos]] of filters.entries())
        await subscribeRaw(first, { [`${JOBS}/${suffix}`]: qos }, i + 1);
      await tell(1);
      await acknowledgeAll(first);
      await drop(first);
      const second = await connect();
      expect(await received(second)).toEqual([]);
      await tell(2);
      await acknowledgeAll(second);
      expect((await received(second)).map(numberOf)).toEqual([2]);
      await drop(second);
      await restart();
      const third = await connect();
      await tell(3);
      expect((await received(third)).map(numberOf)).toEqual([3]);
    },
  );

  test.each(overlaps)('[MQTT-3.1.2-5] %s, for a session that is away', async (_what, filters, highest) => {
    const first = await connect();
    for (const [i, [suffix, qos]] of filters.entries())
      await subscribeRaw(first, { [`${JOBS}/${suffix}`]: qos }, i + 1);
    await drop(first);
    await tell(1);
    const second = await connect();
    expect((await received(second)).map(numberOf)).toEqual(highest > 0 ? [1] : []);
  });

  test('one of them goes: the others still count', async () => {
    const client = await connect();
    await subscribeRaw(client, { [`${JOBS}/#`]: 0, [NOTIFY]: 1 });
    client.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: [NOTIFY] });
    await client.next('unsuback');
    await tell(1);
    expect((await received(client)).map(({ qos }) => qos)).toEqual([0]);
    client.send({ cmd: 'unsubscribe', messageId: 6, unsubscriptions: [`${JOBS}/#`] });
    await client.next('unsuback');
    await tell(2);
    await client.settled();
    expect(client.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(2);
  });
});

describe('redelivery', () => {
  const subscribed = async () => {
    const client = await connect();
    await subscribeRaw(client, { [NOTIFY]: 1 });
    return client;
  };
  const seen = (packets: IPublishPacket[]) =>
    packets.map((packet) => ({ n: numberOf(packet), dup: packet.dup, id: packet.messageId }));

  test('[MQTT-3.3.1-1] [MQTT-2.3.1-3] [MQTT-4.4.0-1] what was sent and not acknowledged comes again with DUP and its packet identifier, in order', async () => {
    const first = await subscribed();
    await tell(1);
    await tell(2);
    const before = seen(await received(first));
    expect(before).toMatchObject([
      { n: 1, dup: false },
      { n: 2, dup: false },
    ]);
    await drop(first);
    await tell(3);
    const second = await connect();
    const again = before.map((one) => ({ ...one, dup: true }));
    expect(seen(await received(second))).toMatchObject([...again, { n: 3, dup: false }]);
  });

  test.each([
    ['stopped', restart],
    ['killed', kill],
  ])('[MQTT-4.1.0-2] [MQTT-4.4.0-1] the same where the broker was %s in between', async (_how, end) => {
    const first = await subscribed();
    await tell(1);
    const [sent] = seen(await received(first));
    await drop(first);
    await tell(2);
    await end();
    const second = await connect();
    // Not sent before: as new as it is.
    const [again, queued] = seen(await received(second));
    expect([again, queued]).toMatchObject([
      { ...sent, dup: true },
      { n: 2, dup: false },
    ]);
    await drop(second);
    await end();
    const third = await connect();
    expect(seen(await received(third)).slice(0, 2)).toEqual([again, { ...queued, dup: true }]);
  });

  test('[MQTT-3.1.4-2] a new connection takes over with everything that is not acknowledged', async () => {
    const first = await subscribed();
    await tell(1);
    await tell(2);
    const [one] = await received(first);
    first.send({ cmd: 'puback', messageId: one!.messageId });
    await first.settled();
    const second = await connect();
    await first.closed();
    expect(seen(await received(second))).toMatchObject([{ n: 2, dup: true }]);
  });

  test('[MQTT-3.2.0-1] CONNACK is the first packet, whatever is published meanwhile', async () => {
    await drop(await subscribed());
    for (let round = 0; round < 5; round++) {
      const telling = Promise.all(Array.from({ length: 20 }, (_, i) => tell(i)));
      const client = await connect();
      await telling;
      expect(client.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
      await acknowledgeAll(client);
      await drop(client);
    }
  });

  test('a client that acknowledges nothing gets no more than 1,000, and the rest when it does', async () => {
    const client = await connect(true);
    await subscribeRaw(client, { [NOTIFY]: 1 });
    const COUNT = 1_050;
    for (let n = 0; n < COUNT; n++) void tell(n);
    await client.next('publish', (packet) => numberOf(packet) === 999);
    await client.settled();
    const publishes = () => client.packets.filter((packet) => packet.cmd === 'publish');
    expect(publishes()).toHaveLength(1_000);
    for (const { messageId } of publishes()) client.send({ cmd: 'puback', messageId });
    await client.next('publish', (packet) => numberOf(packet) === COUNT - 1);
    expect(publishes().map(numberOf)).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(new Set(publishes().map(({ messageId }) => messageId)).size).toBe(COUNT);
  });

  type Step =
    { what: 'tell' | 'acknowledge'; count: number } | { what: 'drop' | 'restart' | 'kill' | 'take over' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ what: fc.constantFrom('tell', 'acknowledge'), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ what: fc.constantFrom('drop', 'restart', 'kill', 'take over') }),
  );

  test('[MQTT-4.2.0-1] [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6] whatever happens: each until its PUBACK, in order, with DUP where it was sent before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        // Nothing is left of the run before.
        await drop(await connect(true));
        const pending: { n: number; id?: number; dup: boolean }[] = [];
        const acknowledged: number[] = [];
        /** Acknowledged just before a kill. */
        let mayComeAgain: number[] = [];
        const now: { client?: RawClient } = {};
        now.client = await subscribed();
        let next = 0;
        let from = 0;

        const tellSome = async (count: number) => {
          for (let i = 0; i < count; i++) {
            pending.push({ n: next, dup: false });
            await tell(next++);
          }
        };
        const expectPending = async (expected: typeof pending) => {
          const last = expected.at(-1);
          if (!now.client || !last) return;
          await now.client.next('publish', (packet) => numberOf(packet) === last.n);
          const publishes = now.client.packets.slice(from).filter((packet) => packet.cmd === 'publish');
          const own = publishes.filter((packet) => !mayComeAgain.includes(numberOf(packet)));
          expect(seen(own)).toMatchObject(expected);
          for (const one of expected) {
            one.id = own.find((packet) => numberOf(packet) === one.n)!.messageId;
            one.dup = true;
          }
          from = now.client.packets.length;
        };
        const reconnect = async () => {
          now.client = await connect();
          from = 0;
          await expectPending(pending);
        };

        for (const one of steps) {
          if (one.what === 'tell') {
            await tellSome(one.count);
            await expectPending(pending.slice(-one.count));
          } else if (one.what === 'acknowledge') {
            if (!now.client) await reconnect();
            const gone = pending.splice(0, one.count);
            for (const { id } of gone) now.client?.send({ cmd: 'puback', messageId: id });
            acknowledged.push(...gone.map(({ n }) => n));
            await now.client?.settled();
          } else if (one.what === 'drop') {
            await drop(now.client);
            delete now.client;
          } else if (one.what === 'take over') {
            await reconnect();
          } else {
            await drop(now.client);
            if (one.what === 'kill') mayComeAgain = [...acknowledged];
            await (one.what === 'kill' ? kill() : restart());
            await reconnect();
          }
        }
        await drop(now.client);
        await reconnect();
        await drop(now.client);
      }),
      { numRuns: 25 },
    );
  });
});
