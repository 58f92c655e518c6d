/** The database under the sessions: what is written to it at about the same time is one write. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClassicLevel, type PutOptions } from 'classic-level';

/** From the beginning of one write to the next. The first after a pause does not wait. */
const BETWEEN_WRITES_MS = 10;
/** A delete that nobody waits for goes with the next write, or by itself after so long. */
const DELETE_WITHIN_MS = 100;

interface Put {
  key: string;
  value: string;
  options: PutOptions<string, string>;
}

/**
 * A write costs two changes of threads, however little it writes, which is most of what a message to a device costs.
 * So those that come while another one is under way, or just after it, are gathered. A `put` resolves when it is
 * written, as before.
 */
export class SessionDatabase extends ClassicLevel {
  #gathered: Put[] = [];
  /** Resolves when what is being gathered is written. */
  #written?: Promise<void>;
  /** Resolves when the next write may begin. */
  #ready: Promise<unknown> = Promise.resolve();
  /** Until they are written. */
  readonly #deletes = new Set<string>();
  #timer?: NodeJS.Timeout;

  override put<K = string, V = string>(key: K, value: V, options = {}): Promise<void> {
    this.#gathered.push({ key, value, options } as Put);
    return this.#write();
  }

  /** What a crash keeps from being deleted is there again after it. */
  deleteLater(key: string): void {
    this.#deletes.add(key);
    // Where it fails, as on a full disk, the next write tries again.
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), DELETE_WITHIN_MS).unref();
  }

  /** Keys that are still there only because their deletes have not been written yet. */
  going(): ReadonlySet<string> {
    return new Set(this.#deletes);
  }

  /** Before anything counts on what is about to come or to go. */
  async flush(): Promise<void> {
    if (this.#gathered.length > 0 || this.#deletes.size > 0) await this.#write();
  }

  override async close(): Promise<void> {
    await this.flush();
    await super.close();
  }

  #write(): Promise<void> {
    return (this.#written ??= this.#writeWhenReady());
  }

  async #writeWhenReady(): Promise<void> {
    await this.#ready;
    const puts = this.#gathered.splice(0);
    const deletes = [...this.#deletes];
    this.#written = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writing = this.#writeTogether(puts, deletes);
    this.#ready = Promise.allSettled([writing, sleep(BETWEEN_WRITES_MS)]);
    await writing;
    for (const key of deletes) this.#deletes.delete(key);
  }

  async #writeTogether(puts: Put[], deletes: string[]): Promise<void> {
    const batch = this.batch();
    for (const { key, value, options } of puts) batch.put(key, value, options);
    for (const key of deletes) batch.del(key);
    await batch.write();
  }
}
