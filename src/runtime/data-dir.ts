import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { ConfigError } from './config';

/** Where a running Muster is reached; `endpoints.json` holds exactly this. */
export interface Endpoints {
  /** URL of the REST API. */
  http: string;
  /** URL of the MQTT broker; absent without the role `bridge`. */
  mqtt?: string;
  /** host:port of Temporal's gRPC. */
  temporal: string;
  /** URL of Temporal's web UI; absent where Muster did not start Temporal. */
  temporalUi?: string;
}

/** The directory of everything that one Muster keeps, held by this process. */
export interface DataDir {
  readonly path: string;
  /** A path in the directory. */
  file(name: string): string;
  /** Says to the outside that Muster is ready, in one atomic step. */
  writeEndpoints(endpoints: Endpoints): void;
  removeEndpoints(): void;
  /** Lets another Muster have the directory. */
  release(): void;
}

/**
 * Makes the directory, checks that it can be written and takes it for this process alone.
 * @throws ConfigError when it can't be made or written, or when another Muster has it.
 */
export function openDataDir(directory: string): DataDir {
  makeWritable(directory);
  const dir = fs.realpathSync(directory);
  const file = (name: string) => path.join(dir, name);
  // Read by SQLite when it is first used, here and in the embedded Temporal: what it does not keep lies on the same disk as
  // what it keeps. Elsewhere a small `/tmp` that is full would be a fault that nobody looks for.
  process.env.SQLITE_TMPDIR ??= dir;
  const removeEndpoints = () => fs.rmSync(file('endpoints.json'), { force: true });
  const unlock = lock(file('muster.lock'), file('muster.pid'), directory);
  try {
    fs.writeFileSync(file('muster.pid'), `${process.pid}\n`);
    // One that was killed left its own behind.
    removeEndpoints();
  } catch (error) {
    unlock();
    throw error;
  }
  return {
    path: dir,
    file,
    writeEndpoints: (endpoints) => writeAtomically(file('endpoints.json'), endpoints),
    removeEndpoints,
    release: unlock,
  };
}

/** Where the Muster that uses the directory is reached; undefined while none is ready. */
export function readEndpoints(directory: string): Endpoints | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(directory, 'endpoints.json'), 'utf8')) as Endpoints;
  } catch {
    return undefined;
  }
}

/** Readers see the old file or the whole new one, also where there is no room for it. */
export function writeAtomically(file: string, content: object): void {
  const draft = `${file}.new`;
  try {
    fs.writeFileSync(draft, `${JSON.stringify(content, undefined, 2)}\n`);
    fs.renameSync(draft, file);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
}

function makeWritable(directory: string): void {
  try {
    makeDirectory(path.resolve(directory));
    const probe = fs.mkdtempSync(path.join(directory, '.probe-'));
    fs.rmdirSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `MUSTER_DATA_DIR "${directory}" can't be written (${code}); give this user the right to, or choose another directory.`,
      { cause: error },
    );
  }
}

/** Level by level: Node's own `recursive` never returns where a level can't be made, in `/proc` for one. */
function makeDirectory(directory: string): void {
  if (fs.existsSync(directory)) return;
  makeDirectory(path.dirname(directory));
  fs.mkdirSync(directory, { mode: 0o700 });
}

/**
 * Holds the lock of an SQLite file: the system lets go of it however this process ends, so it is never stale
 * and needs no guess whether a process id still means the same process.
 */
function lock(lockFile: string, pidFile: string, directory: string): () => void {
  const holder = new Database(lockFile, { timeout: 0 });
  try {
    holder.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    holder.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new ConfigError(
      `MUSTER_DATA_DIR "${directory}" is used by another Muster (process ${readPid(pidFile)}); stop that one or choose another directory.`,
    );
  }
  return () => {
    fs.rmSync(pidFile, { force: true });
    holder.close();
  };
}

function readPid(pidFile: string): string {
  try {
    return fs.readFileSync(pidFile, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
