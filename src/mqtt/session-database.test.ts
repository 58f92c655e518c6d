import { cpSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '../../test/support/eventually';
import { makeSmallDisk, testOnSmallDisk, type SmallDisk } from '../../test/support/on-small-disk';
import { SessionDatabase } from './session-database';

const copies = mkdtempSync(path.join(tmpdir(), 'muster-session-copies-'));
afterAll(() => rmSync(copies, { recursive: true }));

let disk: SmallDisk;
let db: SessionDatabase;
const written = new Set<string>();

async function open(): Promise<void> {
  disk = makeSmallDisk(48);
  db = new SessionDatabase(path.join(disk.path, 'mqtt'));
  await db.open();
  written.clear();
}

afterEach(async () => {
  disk?.makeRoom();
  await db?.close();
  disk?.remove();
});

/** @returns whether it was said to be written */
async function put(key: string, bytes = 700): Promise<boolean> {
  try {
    await db.put(key, 'x'.repeat(bytes));
    written.add(key);
    return true;
  } catch {
    return false;
  }
}

/** What a start finds after a kill at this moment. */
async function keysAfterKill(): Promise<string[]> {
  const copy = mkdtempSync(path.join(copies, 'copy-'));
  cpSync(db.location, copy, { recursive: true, filter: (file) => path.basename(file) !== 'LOCK' });
  const found = new SessionDatabase(copy);
  const keys = await found.keys().all();
  await found.close();
  return keys;
}

testOnSmallDisk('what is written after the disk was full is there after a kill', async () => {
  await open();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20; i++) await put(`before ${round} ${i}`);
    disk.fill();
    let refused = 0;
    for (let i = 0; i < 60; i++) if (!(await put(`full ${round} ${i}`))) refused++;
    expect(refused).toBeGreaterThan(0);
    expect(await db.get(`before ${round} 0`)).toBeDefined();
    disk.makeRoom();
    await eventually(async () => expect(await put(`after ${round}`)).toBe(true));
    for (let i = 0; i < 20; i++) expect(await put(`after ${round} ${i}`)).toBe(true);
    const kept = new Set(await keysAfterKill());
    expect([...written].filter((key) => !kept.has(key))).toEqual([]);
  }
});

testOnSmallDisk('it goes on where a compaction found the disk full', async () => {
  await open();
  for (let i = 0; i < 6; i++) await put(`early ${i}`, 1_000_000);
  disk.fill();
  // Room for the log, and not for the table that it becomes.
  disk.makeRoom();
  const rest = path.join(disk.path, 'rest');
  const { bavail, bsize } = statfsSync(disk.path);
  writeFileSync(rest, Buffer.alloc(bavail * bsize - 5_500_000));
  let refused = 0;
  for (let i = 0; i < 30; i++) if (!(await put(`big ${i}`, 1_000_000))) refused++;
  expect(refused).toBeGreaterThan(0);
  rmSync(rest);
  await eventually(async () => expect(await put('after')).toBe(true));
  const kept = new Set(await keysAfterKill());
  expect([...written].filter((key) => !kept.has(key))).toEqual([]);
});
