/** A copy of the databases of a data directory, while Muster runs on it. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { diskFaultOf } from '../domain/disk';
import { ConfigError } from './config';

const DATABASES = ['muster.db', 'temporal.db'];
/** How long a writer may keep the database before it stands still for the copy. */
const LOCK_LIMIT_MS = 30_000;
const PAGES_AT_ONCE = 2_000;

/**
 * Copies the databases as they stand at one instant: both stand still for the moment in which the copy takes hold
 * of them, and go on while it is written.
 * @param target a directory that is not there yet, or empty; Muster can be started on it
 * @returns the files that were written
 * @throws ConfigError where there is nothing to copy, or the target is in use; an Error with the remedy where the disk of
 *   the target is full
 */
export async function backUp(dataDir: string, target: string): Promise<string[]> {
  const names = DATABASES.filter((name) => fs.existsSync(path.join(dataDir, name)));
  if (names.length === 0)
    throw new ConfigError(`MUSTER_DATA_DIR "${dataDir}" holds no database; name the directory of a Muster.`);
  makeEmpty(target);
  const sources = names.map((name) => path.join(dataDir, name));
  const snapshots = takeSnapshots(sources);
  try {
    for (const [i, snapshot] of snapshots.entries()) {
      await snapshot.backup(path.join(target, names[i]!), { progress: () => PAGES_AT_ONCE });
    }
  } catch (error) {
    // Half a copy would only be in the way of the next one.
    for (const file of fs.readdirSync(target)) fs.rmSync(path.join(target, file), { force: true });
    const fault = diskFaultOf(error);
    if (fault === undefined) throw error;
    throw new Error(
      `"${target}" holds no backup: its disk is ${fault}. Name a directory elsewhere, or mend that.`,
      {
        cause: error,
      },
    );
  } finally {
    for (const snapshot of snapshots) snapshot.close();
  }
  return names.map((name) => path.join(target, name));
}

/** @returns connections that go on seeing what is there while no database can be written */
function takeSnapshots(files: string[]): Database.Database[] {
  const writers = files.map((file) => new Database(file, { timeout: LOCK_LIMIT_MS }));
  try {
    for (const writer of writers) writer.exec('BEGIN IMMEDIATE');
    return files.map((file) => {
      const snapshot = new Database(file, { timeout: LOCK_LIMIT_MS });
      snapshot.exec('BEGIN');
      snapshot.prepare('SELECT count(*) FROM sqlite_schema').get();
      return snapshot;
    });
  } finally {
    for (const writer of writers) writer.close();
  }
}

function makeEmpty(target: string): void {
  try {
    fs.mkdirSync(target, { recursive: true, mode: 0o700 });
    if (fs.readdirSync(target).length === 0) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`"${target}" can't be made (${code}); name a directory that can be.`);
  }
  throw new ConfigError(`"${target}" is not empty; name a directory that is not there yet.`);
}
