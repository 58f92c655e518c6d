import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { PacketGuard, type Verdict } from './packet-guard';

/** PUBLISH at QoS 0 with an empty topic. */
function packet(length: number): Buffer {
  const bytes = [0x30];
  let rest = length;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(bytes), Buffer.alloc(length)]);
}

/** What is said of a stream that is cut into chunks of a size. */
function verdictOn(stream: Buffer, chunkSize: number): Verdict {
  const guard = new PacketGuard({ publish: 20_000, other: 100 });
  for (let at = 0; at < stream.length; at += chunkSize) {
    const verdict = guard.look(stream.subarray(at, at + chunkSize));
    if (verdict !== 'fine') return verdict;
  }
  return 'fine';
}

test('packets up to the limit pass, however the stream is cut', () => {
  const lengths = fc.array(fc.nat({ max: 20_000 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.nat({ max: 100 }), lengths, fc.integer({ min: 1, max: 5000 }), (first, more, chunk) => {
      expect(verdictOn(Buffer.concat([first, ...more].map(packet)), chunk)).toBe('fine');
    }),
  );
});

test('one packet over the limit stops the stream', () => {
  const tooLong = fc.integer({ min: 20_001, max: 100_000 });
  fc.assert(
    fc.property(fc.nat({ max: 20_000 }), tooLong, fc.integer({ min: 1, max: 5000 }), (fine, over, chunk) => {
      expect(verdictOn(Buffer.concat([10, fine, over].map(packet)), chunk)).toBe('too large');
    }),
  );
});

test('it is known from the length alone', () => {
  expect(verdictOn(packet(101).subarray(0, 2), 2)).toBe('too large');
});

test('a length of more than four bytes is none', () => {
  expect(verdictOn(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]), 1)).toBe('malformed');
});

const level = fc.string({ unit: 'grapheme', maxLength: 10 }).map((text) => text.replaceAll('\0', ''));
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => `t/${levels.join('/')}`);
const messageId = fc.integer({ min: 1, max: 65_535 });
const legal: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    ...{ cmd: fc.constant('publish' as const), topic, messageId, payload: fc.string({ maxLength: 300 }) },
    ...{ qos: fc.constantFrom(1, 2), dup: fc.boolean(), retain: fc.boolean() },
  }),
  fc.record({
    ...{ cmd: fc.constant('subscribe' as const), messageId },
    subscriptions: fc.array(fc.record({ topic, qos: fc.constantFrom(0, 1, 2) }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc.record({
    ...{ cmd: fc.constant('unsubscribe' as const), messageId },
    unsubscriptions: fc.array(topic, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ cmd: fc.constant('puback' as const), messageId }),
  fc.record({ cmd: fc.constant('pubrel' as const), messageId }),
  fc.constant({ cmd: 'pingreq' } as const),
);

test.each([4, 5] as const)(
  'what a library makes for version %i is fine, however it is cut',
  (protocolVersion) => {
    const connect: Packet = {
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion, clean: true, keepalive: 0, clientId: 'c' },
      ...{ username: 'ü', password: Buffer.from([0xff]) },
      will: { topic: 'w', payload: Buffer.from([0xff]), qos: 1, retain: false },
    } as const;
    fc.assert(
      fc.property(fc.array(legal, { maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (packets, chunk) => {
        const stream = [connect, ...packets].map((one) => generate(one, { protocolVersion }));
        const guard = new PacketGuard({ publish: 20_000, other: 20_000 });
        const bytes = Buffer.concat(stream);
        for (let at = 0; at < bytes.length; at += chunk)
          expect(guard.look(bytes.subarray(at, at + chunk))).toBe('fine');
      }),
    );
  },
);

test('any bytes have a verdict', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, chunk) => {
      expect(['fine', 'too large', 'malformed', 'unknown version']).toContain(
        verdictOn(Buffer.from(bytes), chunk),
      );
    }),
  );
});
