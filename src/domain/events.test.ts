import fc from 'fast-check';
import { comparePositions, formatPosition, parsePosition, type Position } from './events';

const position = fc.record({ tx: fc.maxSafeNat(), seq: fc.maxSafeNat() });

it('reads every position that it writes', () => {
  fc.assert(fc.property(position, (one) => expect(parsePosition(formatPosition(one))).toEqual(one)));
});

it('writes every position that it reads, and reads nothing else', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.stringMatching(/^\d{1,18}\.\d{1,18}$/),
    position.map(formatPosition),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const read = parsePosition(text);
      if (read) expect(formatPosition(read)).toBe(text);
    }),
  );
  for (const text of ['', '1', '1.', '.1', '1.2.3', '01.2', '-1.2', '1e3.2', ' 1.2', '99999999999999999.1'])
    expect(parsePosition(text)).toBeUndefined();
});

it('orders by transaction, then by number', () => {
  const small = fc.record({ tx: fc.nat(3), seq: fc.nat(3) });
  const before = (a: Position, b: Position) => a.tx < b.tx || (a.tx === b.tx && a.seq < b.seq);
  fc.assert(
    fc.property(small, small, (a, b) => {
      expect(comparePositions(a, b) < 0).toBe(before(a, b));
      expect(Math.sign(comparePositions(a, b))).toBe(-Math.sign(comparePositions(b, a)) + 0);
    }),
  );
});
