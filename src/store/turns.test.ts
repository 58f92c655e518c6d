import { createTurns, shared } from './turns';

/** Work that ends when it is told to. */
function held() {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const work = (i: number) => () =>
    new Promise<number>((resolve, reject) => {
      begun.push(i);
      ends[i] = (error) => (error ? reject(error) : resolve(i));
    });
  return { begun, ends, work };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('runs a few at once, the others in the order in which they came', async () => {
  const { begun, ends, work } = held();
  const inTurn = createTurns({ atOnce: 2, waiting: 10, tooMany: () => new Error('too many') });
  const results = [0, 1, 2, 3].map((i) => inTurn(work(i)));
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await settled();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await settled();
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[3]!();
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3]);
});

it('refuses one more than may wait, and has room again when one has ended, however it did', async () => {
  const { begun, ends, work } = held();
  const inTurn = createTurns({ atOnce: 1, waiting: 1, tooMany: () => new Error('too many') });
  const first = inTurn(work(0));
  const second = inTurn(work(1));
  await expect(inTurn(work(2))).rejects.toThrow('too many');
  ends[0]!(new Error('failed'));
  await expect(first).rejects.toThrow('failed');
  const third = inTurn(work(3));
  ends[1]!();
  await second;
  await settled();
  expect(begun).toEqual([0, 1, 3]);
  ends[3]!();
  expect(await third).toBe(3);
});

it('shares the next run between all who ask while one is under way', async () => {
  const { begun, ends, work } = held();
  let runs = 0;
  const ask = shared(() => work(runs++)());
  const first = [ask(), ask()];
  await settled();
  expect(begun).toEqual([0]);
  const second = [ask(), ask(), ask()];
  ends[0]!();
  expect(await Promise.all(first)).toEqual([0, 0]);
  await settled();
  expect(begun).toEqual([0, 1]);
  ends[1]!(new Error('failed'));
  for (const asked of second) await expect(asked).rejects.toThrow('failed');
  const third = ask();
  await settled();
  ends[2]!();
  expect(await third).toBe(2);
});
