import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { eventually } from '../../test/support/eventually';
import { makeSmallDisk, testOnSmallDisk } from '../../test/support/on-small-disk';
import { backUp } from './backup';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-backup-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const NAMES = ['muster.db', 'temporal.db'];
/** Counts up in the one, then in the other, as fast as it can. */
const WRITER = `
  const Database = require('better-sqlite3');
  const dbs = ${JSON.stringify(NAMES)}.map((name) => new Database(require('node:path').join(require('node:worker_threads').workerData, name)));
  const steps = dbs.map((db) => db.prepare('insert into steps default values'));
  for (;;) steps.forEach((step) => step.run());`;

function prepare(): string {
  const dataDir = fs.mkdtempSync(path.join(directory, 'data-'));
  for (const name of NAMES) {
    const db = new Database(path.join(dataDir, name));
    db.pragma('journal_mode = WAL');
    db.exec(
      'create table steps (n integer primary key autoincrement, filler text default (hex(randomblob(500))))',
    );
    db.close();
  }
  return dataDir;
}

function count(dataDir: string, name: string): number {
  const db = new Database(path.join(dataDir, name));
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  const { n } = db.prepare('select count(*) as n from steps').get() as { n: number };
  db.close();
  return n;
}

test('both databases are copied as they stood at one instant, while they are written to', async () => {
  const dataDir = prepare();
  const writer = new Worker(WRITER, { eval: true, workerData: dataDir });
  try {
    for (let i = 0; i < 5; i++) {
      const before = count(dataDir, 'muster.db');
      await eventually(() => expect(count(dataDir, 'muster.db')).toBeGreaterThan(before + 50));
      const target = path.join(directory, `copy-${i}`);
      await backUp(dataDir, target);
      const [first, second] = NAMES.map((name) => count(target, name));
      expect(first).toBeGreaterThan(before + 50);
      expect([0, 1]).toContain(first! - second!);
    }
  } finally {
    await writer.terminate();
  }
});

test('what cannot be copied, or would be overwritten, is refused', async () => {
  await expect(backUp(path.join(directory, 'nothing'), path.join(directory, 'x'))).rejects.toThrow(
    'holds no database',
  );
  await expect(backUp(prepare(), directory)).rejects.toThrow('is not empty');
});

testOnSmallDisk('a full target is told with the remedy, and nothing is left in it', async () => {
  const disk = makeSmallDisk(1);
  try {
    const dataDir = prepare();
    const db = new Database(path.join(dataDir, 'temporal.db'));
    for (let i = 0; i < 2_000; i++) db.prepare('insert into steps default values').run();
    db.close();
    const target = path.join(disk.path, 'copy');
    await expect(backUp(dataDir, target)).rejects.toThrow('its disk is full');
    expect(fs.readdirSync(target)).toEqual([]);
  } finally {
    disk.remove();
  }
});
