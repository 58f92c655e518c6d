import fc from 'fast-check';
import { PacketSizeGuard } from './packet-size';

function packet(length: number): Buffer {
  const bytes = [0x30];
  let rest = length;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(bytes), Buffer.alloc(length, 0xff)]);
}

/** Whether a stream, cut into chunks of a size, is taken to its end. */
function taken(stream: Buffer, chunkSize: number): boolean {
  const guard = new PacketSizeGuard(20_000, 100);
  for (let at = 0; at < stream.length; at += chunkSize) {
    if (!guard.accepts(stream.subarray(at, at + chunkSize))) return false;
  }
  return true;
}

test('packets up to the limit pass, however the stream is cut', () => {
  const lengths = fc.array(fc.nat({ max: 20_000 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.nat({ max: 100 }), lengths, fc.integer({ min: 1, max: 5000 }), (first, more, chunk) => {
      expect(taken(Buffer.concat([first, ...more].map(packet)), chunk)).toBe(true);
    }),
  );
});

test('one packet over the limit stops the stream', () => {
  const tooLong = fc.integer({ min: 20_001, max: 100_000 });
  fc.assert(
    fc.property(fc.nat({ max: 20_000 }), tooLong, fc.integer({ min: 1, max: 5000 }), (fine, over, chunk) => {
      expect(taken(Buffer.concat([10, fine, over].map(packet)), chunk)).toBe(false);
    }),
  );
});

test('it is known from the length alone', () => {
  const guard = new PacketSizeGuard(20_000, 100);
  expect(guard.accepts(packet(101).subarray(0, 2))).toBe(false);
});

test('a length of more than four bytes is none', () => {
  expect(taken(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]), 1)).toBe(false);
});
