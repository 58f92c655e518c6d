/** The database under the sessions: what is written to it at about the same time is one write. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClassicLevel, type BatchOperation, type ChainedBatch, type KeyIteratorOptions } from 'classic-level';
import { requireRoom } from '../disk/room';
import type { Durability } from '../domain/durability';

/** From the beginning of one write to the next. The first after a pause does not wait. */
const BETWEEN_WRITES_MS = 10;
/** A delete that nobody waits for goes with the next write, or by itself after so long. */
const DELETE_WITHIN_MS = 100;
/** A database that has failed is looked after again so often. */
const MEND_EVERY_MS = 1_000;
/** Opening writes what the log holds to a table, which is at most 4 MiB, and then a new log. */
const ROOM_TO_OPEN_BYTES = 8 * 1024 * 1024;

type Operation = BatchOperation<ClassicLevel, string, string>;

/**
 * A write costs two changes of threads, however little it writes, which is most of what a message to a device costs.
 * So those that come while another one is under way, or just after it, are gathered. A write resolves when it is on
 * disk, as before.
 *
 * After a write that failed the database is opened anew before anything else is written: LevelDB goes on behind the half
 * record of a disk that was full, and its next start drops all that it wrote there, and a compaction that failed is the
 * last thing it does.
 */
export class SessionDatabase extends ClassicLevel {
  #gathered: Operation[] = [];
  /** Resolves when what is being gathered is written. */
  #written?: Promise<void>;
  /** Resolves when the next write may begin. */
  #ready: Promise<unknown> = Promise.resolve();
  /** Until they are written. */
  readonly #deletes = new Set<string>();
  #timer?: NodeJS.Timeout;
  /** A write has failed, and the database was not opened since. */
  #failed = false;
  #mending?: NodeJS.Timeout;
  #closing = false;
  readonly #waitsForDisk: boolean;

  constructor(location: string, durability: Durability = 'process') {
    super(location);
    this.#waitsForDisk = durability === 'power-cut';
  }

  override put<K = string, V = string>(key: K, value: V, options = {}): Promise<void> {
    return this.#gather([{ ...options, type: 'put', key, value } as Operation]);
  }

  override del<K = string>(key: K): Promise<void> {
    return this.#gather([{ type: 'del', key } as Operation]);
  }

  override batch(): ChainedBatch<this, string, string>;
  override batch<K = string, V = string>(
    operations: BatchOperation<this, K, V>[],
    options?: object,
  ): Promise<void>;
  override batch(operations?: object[], options = {}): ChainedBatch<this, string, string> | Promise<void> {
    if (operations === undefined) throw new Error('A chained batch would pass by what is gathered.');
    return this.#gather(operations.map((operation) => ({ ...options, ...operation }) as Operation));
  }

  override async clear(range: object = {}): Promise<void> {
    await this.flush();
    const keys = await this.keys(range as KeyIteratorOptions<string>).all();
    await this.batch(keys.map((key) => ({ type: 'del', key })));
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
    if (this.#gathered.length > 0 || this.#deletes.size > 0 || this.#failed) await this.#write();
  }

  override async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#closing = true;
      clearTimeout(this.#mending);
      await super.close();
    }
  }

  async #gather(operations: Operation[]): Promise<void> {
    if (operations.length === 0) return;
    this.#gathered.push(...operations);
    await this.#write();
  }

  #write(): Promise<void> {
    return (this.#written ??= this.#writeWhenReady());
  }

  async #writeWhenReady(): Promise<void> {
    await this.#ready;
    const operations = this.#gathered.splice(0);
    const deletes = [...this.#deletes];
    this.#written = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writing = this.#writeTogether([
      ...operations,
      ...deletes.map((key) => ({ type: 'del' as const, key })),
    ]);
    this.#ready = Promise.allSettled([writing, sleep(BETWEEN_WRITES_MS)]);
    await writing;
    for (const key of deletes) this.#deletes.delete(key);
  }

  async #writeTogether(operations: Operation[]): Promise<void> {
    try {
      if (this.#failed) await this.#openAnew();
      await super.batch(operations as BatchOperation<this, string, string>[], { sync: this.#waitsForDisk });
    } catch (error) {
      this.#mendLater();
      throw error;
    }
  }

  /** While there is no room it stays as it is: what it has can still be read. */
  async #openAnew(): Promise<void> {
    requireRoom(path.dirname(this.location), ROOM_TO_OPEN_BYTES);
    await super.close();
    await super.open();
    this.#failed = false;
  }

  #mendLater(): void {
    this.#failed = !this.#closing;
    clearTimeout(this.#mending);
    if (this.#failed)
      this.#mending = setTimeout(() => void this.flush().catch(() => undefined), MEND_EVERY_MS).unref();
  }
}
