/** Watches the disk under the data directory: a full or read-only one is told once, and waited out. */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { requireRoom } from '../disk/room';
import { diskFaultOf, type DiskFault } from '../domain/disk';

/** With less room than this the disk is full: every part can do its next write with it. */
const ROOM_BYTES = 256 * 1024;
const LOOK_EVERY_MS = 1_000;
/** A disk on which room comes and goes is told of no more often. */
const TELL_EVERY_MS = 60_000;
/** Work that blames a disk which has room is tried again so often: another process may have made the room just now. */
const BLAMED_IN_VAIN = 30;

const REMEDY: Record<DiskFault, string> = {
  full: 'is full: make room on it, or give it more',
  'read-only': 'is read-only: look for the fault that made it so, and make it writable again',
};

export interface DiskWatch {
  /** What keeps the data directory from being written; undefined where nothing does, or it is not there. */
  look(): DiskFault | undefined;
  /** Whether an error is but a consequence of what was told of the disk. */
  explains(error: unknown): boolean;
  /**
   * Does `work` as soon as the disk can be written, and again each time that the disk kept it from being done.
   * @throws what `work` throws where the disk is not at fault, or the reason of `signal`
   */
  outlast<T>(work: () => T | Promise<T>, options?: OutlastOptions): Promise<T>;
  stop(): void;
}

export interface OutlastOptions {
  /** Awaited before each wait. */
  onWait?: () => Promise<void>;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

/** @param directory of what Muster keeps; left out where it keeps nothing, and no disk is watched */
export function watchDisk(directory: string | undefined, log: Logger): DiskWatch {
  let known: DiskFault | undefined;
  let toldAt = -Infinity;
  const timer = setInterval(() => known && look(), LOOK_EVERY_MS).unref();

  function look(): DiskFault | undefined {
    const fault = directory === undefined ? undefined : faultOf(directory);
    if (fault !== known) tell(fault);
    known = fault;
    return fault;
  }

  function tell(fault: DiskFault | undefined): void {
    if (fault === undefined) return log.info(`The disk of ${directory} can be written again.`);
    const level = Date.now() - toldAt < TELL_EVERY_MS ? 'debug' : 'error';
    log[level](`The disk of ${directory} ${REMEDY[fault]}. Until then Muster waits; it goes on by itself.`);
    if (level === 'error') toldAt = Date.now();
  }

  return {
    look,
    explains: (error) => diskFaultOf(error) !== undefined && (known ?? look()) !== undefined,
    async outlast(work, { onWait, signal } = {}) {
      for (let inVain = 0; ; await sleep(LOOK_EVERY_MS, undefined, { signal })) {
        if (look() !== undefined) {
          await onWait?.();
          continue;
        }
        try {
          return await work();
        } catch (error) {
          signal?.throwIfAborted();
          if (look() !== undefined) continue;
          if (diskFaultOf(error) === undefined || ++inVain > BLAMED_IN_VAIN) throw error;
        }
      }
    },
    stop: () => clearInterval(timer),
  };
}

/** Where the directory is yet to be made, its disk may be full; one that is read-only was not meant. */
function faultOf(directory: string): DiskFault | undefined {
  const exists = fs.existsSync(directory);
  if (!exists && path.dirname(directory) !== directory) {
    const fault = faultOf(path.dirname(directory));
    return fault === 'full' ? fault : undefined;
  }
  try {
    requireRoom(directory, ROOM_BYTES);
    return undefined;
  } catch (error) {
    return diskFaultOf(error);
  }
}
