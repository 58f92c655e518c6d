import { keptFor } from './kept';

let time: number;
let asked: ((answer: number | Error) => void)[];
let ask: () => Promise<number>;
beforeEach(() => {
  time = 0;
  asked = [];
  const find = () =>
    new Promise<number>((resolve, reject) =>
      asked.push((answer) => (typeof answer === 'number' ? resolve(answer) : reject(answer))),
    );
  ask = keptFor(2_000, find, () => time);
});

it('gives all who ask at the same time one answer, however long it takes', async () => {
  const first = ask();
  time = 60_000;
  const second = ask();
  asked[0]!(7);
  expect(await Promise.all([first, second])).toEqual([7, 7]);
  expect(asked).toHaveLength(1);
});

it('keeps it for its time, counted from when it was found', async () => {
  const first = ask();
  time = 10_000;
  asked[0]!(7);
  await first;
  time = 11_999;
  expect(await ask()).toBe(7);
  time = 12_000;
  const second = ask();
  asked[1]!(8);
  expect(await second).toBe(8);
  expect(asked).toHaveLength(2);
});

it('keeps no failure', async () => {
  const failed = ask();
  asked[0]!(new Error('away'));
  await expect(failed).rejects.toThrow('away');
  const again = ask();
  asked[1]!(8);
  expect(await again).toBe(8);
});
