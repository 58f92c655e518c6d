/** Gathers what the broker tells of connections, so that a fleet that comes back at once is a few statements. */
import type { Logger } from 'pino';
import { recordConnections, type ConnectionChange } from '../store/connections';
import type { Db } from '../store/database';

export interface ConnectionRecorder {
  /** Returns at once; never throws. Of a thing that comes and goes the last word counts. */
  connectionChanged(change: ConnectionChange): void;
  /** Writes what has been gathered. */
  stop(): Promise<void>;
}

const GATHER_MS = 250;
const WRITTEN_AT_ONCE = 500;
/** Where the store is out of reach. */
const RETRY_AFTER_MS = 2_000;

export function createConnectionRecorder({ db, log }: { db: Db; log: Logger }): ConnectionRecorder {
  const gathered = new Map<string, ConnectionChange>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  return {
    connectionChanged(change) {
      gathered.set(change.thingName, change);
      writeAfter(GATHER_MS);
    },
    stop() {
      clearTimeout(timer);
      return writing.then(writeAll);
    },
  };

  function writeAfter(delayMs: number): void {
    timer ??= setTimeout(() => {
      writing = writeAll()
        .then(() => undefined, warn)
        .then((retryAfterMs) => {
          timer = undefined;
          if (gathered.size > 0) writeAfter(retryAfterMs ?? GATHER_MS);
        });
    }, delayMs);
  }

  async function writeAll(): Promise<void> {
    while (gathered.size > 0) {
      const changes = [...gathered.values()].slice(0, WRITTEN_AT_ONCE);
      await recordConnections(db, changes);
      // What came in meanwhile is newer.
      for (const change of changes)
        if (gathered.get(change.thingName) === change) gathered.delete(change.thingName);
    }
  }

  function warn(error: unknown): number {
    log.warn({ err: error }, 'Connections of things could not be recorded; it is tried again.');
    return RETRY_AFTER_MS;
  }
}
