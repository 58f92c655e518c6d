import { openStore } from '../store/database';
import { startChores } from './chores';
import { createLogger } from './logs';

afterEach(() => jest.useRealTimers());

test('a chore that fails again and again is told once, and goes on', async () => {
  const lines: string[] = [];
  const log = createLogger('info', { destination: { write: (line) => lines.push(line) } });
  const db = await openStore({ file: ':memory:' });
  const told = () => lines.filter((line) => line.includes('deleting jobs that ended long ago')).length;
  jest.useFakeTimers();
  const select = jest.spyOn(db, 'selectFrom').mockImplementation(() => {
    throw new Error('no');
  });
  const commands = { delete: () => Promise.resolve() };
  const chores = startChores({ db, log, commands, retentionDays: 1 });
  await jest.advanceTimersByTimeAsync(60_000);
  expect(told()).toBe(1);
  select.mockRestore();
  await jest.advanceTimersByTimeAsync(6_000);
  jest.spyOn(db, 'selectFrom').mockImplementation(() => {
    throw new Error('again');
  });
  await jest.advanceTimersByTimeAsync(60_000);
  expect(told()).toBe(2);
  await chores.stop();
  jest.restoreAllMocks();
  await db.destroy();
});
