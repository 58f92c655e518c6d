/** A file system of a few MiB, which a test can fill and make read-only. Mounting it needs root. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FILLER = '.filler';

export interface SmallDisk {
  /** Where it is mounted. */
  path: string;
  /** Takes all the room that is left, to the last byte. */
  fill(): void;
  /** Gives back what `fill` has taken. */
  makeRoom(): void;
  /** Fails while anything on it is open for writing, as `mount` does. */
  setReadOnly(readOnly: boolean): void;
  /** What lies on it is gone. */
  remove(): void;
}

/** @throws where this user may not mount anything */
export function makeSmallDisk(mebibytes: number): SmallDisk {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-disk-'));
  const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'pipe' });
  try {
    mount('-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', directory);
  } catch (error) {
    fs.rmdirSync(directory);
    throw error;
  }
  const filler = path.join(directory, FILLER);
  return {
    path: directory,
    fill: () => fillUp(filler),
    makeRoom: () => fs.rmSync(filler, { force: true }),
    setReadOnly: (readOnly) => mount('-o', `remount,${readOnly ? 'ro' : 'rw'}`, directory),
    remove() {
      // Lazily: a process that has just been killed may still hold a file.
      execFileSync('umount', ['-l', directory], { stdio: 'pipe' });
      fs.rmdirSync(directory);
    },
  };
}

/** Appends to the file until nothing more can be written. */
export function fillUp(file: string): void {
  const descriptor = fs.openSync(file, 'a');
  try {
    for (let size = 1024 * 1024; size >= 1;) {
      try {
        fs.writeSync(descriptor, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    fs.closeSync(descriptor);
  }
}
