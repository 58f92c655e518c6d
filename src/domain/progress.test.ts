import fc from 'fast-check';
import { sampleIntervalMs, thinned } from './progress';

const items = fc.array(fc.integer(), { minLength: 2, maxLength: 300 }).map((list) => list.map((_, i) => i));
const max = fc.integer({ min: 2, max: 100 });

it('thins to what fits, in order, with both ends and at even distances', () => {
  fc.assert(
    fc.property(items, max, (list, most) => {
      const left = thinned(list, most);
      expect(left).toHaveLength(Math.min(list.length, most));
      expect([left[0], left.at(-1)]).toEqual([list[0], list.at(-1)]);
      const steps = left.slice(1).map((item, i) => item - left[i]!);
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
    }),
  );
});

it('notes a job that runs for years in some thousand notes', () => {
  let notes = 0;
  for (let age = 0; age < 10 * 365 * 86_400_000; age += sampleIntervalMs(age)) notes++;
  expect(notes).toBeLessThan(4_000);
  expect(sampleIntervalMs(0)).toBe(5_000);
});
