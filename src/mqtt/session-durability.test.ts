import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClassicLevel } from 'classic-level';
import { SessionDatabase } from './session-database';

let directory: string;
let batches: jest.SpyInstance;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-sessions-'));
  // LevelDB itself is told by this call; the library has no other way to write that is used here.
  batches = jest.spyOn(ClassicLevel.prototype, '_batch' as never);
});
afterEach(() => {
  batches.mockRestore();
  rmSync(directory, { recursive: true });
});

it.each([
  ['process', false],
  ['power-cut', true],
] as const)('durability %s: whether every write waits for the disk', async (durability, sync) => {
  const others = (['_put', '_del', '_clear'] as const).map((name) =>
    jest.spyOn(ClassicLevel.prototype, name as never),
  );
  const db = new SessionDatabase(directory, durability);
  await db.open();
  await db.put('a', '1');
  await db.batch([{ type: 'put', key: 'b', value: '2' }]);
  await db.del('a');
  await db.clear({ gte: 'b' });
  db.deleteLater('c');
  await db.flush();
  await db.close();
  expect(batches).toHaveBeenCalledTimes(5);
  for (const [, options] of batches.mock.calls) expect(options).toMatchObject({ sync });
  for (const other of others) expect(other).not.toHaveBeenCalled();
});
