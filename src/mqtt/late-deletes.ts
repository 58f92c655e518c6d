/** Deletes that nobody waits for, gathered so that many are one write. */
import type { ClassicLevel } from 'classic-level';

const DELAY_MS = 100;

export class LateDeletes {
  readonly #db: ClassicLevel;
  #keys: string[] = [];
  #timer?: NodeJS.Timeout;

  constructor(db: ClassicLevel) {
    this.#db = db;
  }

  /** What a crash keeps from being deleted is there again after it. */
  add(key: string): void {
    this.#keys.push(key);
    // Where it fails, as on a full disk, the next one tries again.
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), DELAY_MS).unref();
  }

  /** Before anything reads what may be about to go. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const keys = this.#keys.splice(0);
    if (keys.length === 0) return;
    try {
      await this.#db.batch(keys.map((key) => ({ type: 'del', key })));
    } catch (error) {
      this.#keys.push(...keys);
      throw error;
    }
  }
}
