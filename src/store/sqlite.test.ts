import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { openStore } from './database';

const directory = mkdtempSync(path.join(tmpdir(), 'muster-sqlite-'));
afterAll(() => rmSync(directory, { recursive: true }));

it.each([
  ['process', 1, 0],
  ['power-cut', 2, 1],
  [undefined, 1, 0],
] as const)(
  'durability %s: a commit waits for the disk as it says',
  async (durability, synchronous, fullfsync) => {
    const db = await openStore({ file: path.join(directory, `${durability}.db`), durability });
    const read = async (name: string) => (await sql.raw(`pragma ${name}`).execute(db)).rows;
    expect(await read('synchronous')).toEqual([{ synchronous }]);
    expect(await read('fullfsync')).toEqual([{ fullfsync }]);
    expect(await read('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    await db.destroy();
  },
);

it('gives way to everything else of the process while it does the work of many queries', async () => {
  const db = await openStore({ file: ':memory:' });
  let turns = 0;
  let watching = true;
  const watch = () => void (watching && setImmediate(() => (turns++, watch())));
  watch();
  for (let i = 0; i < 3_000; i++) {
    await db
      .insertInto('job_groups')
      .values({ jobId: `job-${i}`, groupName: 'g', endSeq: null })
      .execute();
  }
  watching = false;
  await db.destroy();
  expect(turns).toBeGreaterThan(3);
});
