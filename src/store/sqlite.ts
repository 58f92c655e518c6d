/** SQLite as the store: one file, one writer. */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import SQLite from 'better-sqlite3';
import {
  SqliteDialect,
  SqliteDriver,
  SqliteQueryCompiler,
  ValueNode,
  type DatabaseConnection,
  type LimitNode,
  type QueryCompiler,
  type SelectModifierNode,
  type SqliteDatabase,
  type SqliteDialectConfig,
  type SqliteStatement,
} from 'kysely';
import type { Durability } from '../domain/durability';

/**
 * Opens the file, made where missing.
 * @param durability `process` is `synchronous = NORMAL`: under WAL a commit survives the end of the process at any
 *   instant, and a power cut may take the last moments (docs/operations.md)
 */
export function openSqlite(file: string, durability: Durability = 'process'): SqliteDialect {
  const sqlite = new SQLite(file);
  try {
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma(`synchronous = ${durability === 'power-cut' ? 'FULL' : 'NORMAL'}`);
    // What synchronous waits for on macOS is else the cache of the disk alone.
    sqlite.pragma(`fullfsync = ${durability === 'power-cut' ? 'ON' : 'OFF'}`);
    sqlite.pragma('busy_timeout = 5000');
    sqlite.pragma('cache_size = -65536');
    return new OneWriterDialect(sqlite);
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** More than Muster has; the lists of names in some have many lengths. */
const STATEMENTS_KEPT = 500;

/** Preparing a statement costs as much as running it. */
function withPreparedStatements(sqlite: SQLite.Database): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => sqlite.close(),
    prepare(text) {
      const statement = prepared.get(text) ?? sqlite.prepare(text);
      // Moved to the end: the one that was not used for longest stands first.
      prepared.delete(text);
      prepared.set(text, statement);
      if (prepared.size > STATEMENTS_KEPT) prepared.delete(prepared.keys().next().value!);
      return statement;
    },
  };
}

class OneWriterDialect extends SqliteDialect {
  readonly #driver: SqliteDriver;

  constructor(sqlite: SQLite.Database) {
    const config = { database: withPreparedStatements(sqlite) };
    super(config);
    this.#driver = new OneWriterDriver(config, sqlite);
  }

  override createDriver(): SqliteDriver {
    return this.#driver;
  }

  override createQueryCompiler(): QueryCompiler {
    return new Compiler();
  }
}

/** Milliseconds for which queries may hold the thread before others get their turn. */
const LONGEST_TURN_MS = 5;

class OneWriterDriver extends SqliteDriver {
  readonly #sqlite: SQLite.Database;
  #turnBegan: number | undefined;

  constructor(config: SqliteDialectConfig, sqlite: SQLite.Database) {
    super(config);
    this.#sqlite = sqlite;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    await this.#giveWay();
    return super.acquireConnection();
  }

  /** SQLite rolls back by itself where the disk is full; to be asked for it again would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection);
  }

  /**
   * SQLite works on the thread that asks it, and what follows an answer follows without a turn of the event loop. Work of
   * many queries would hold up everything else of the process: devices, health checks, heartbeats.
   */
  async #giveWay(): Promise<void> {
    if (this.#turnBegan === undefined) {
      this.#turnBegan = performance.now();
      setImmediate(() => (this.#turnBegan = undefined));
    } else if (performance.now() - this.#turnBegan > LONGEST_TURN_MS) {
      await turnOfTheLoop();
    }
  }
}

class Compiler extends SqliteQueryCompiler {
  /** Transactions come one after the other in any case: there are no rows to lock, and no words for it. */
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (!/^For/.test(node.modifier ?? '')) super.visitSelectModifier(node);
  }

  /** As a literal: SQLite plans by it, and prepares a statement anew whenever a parameter by which it has planned is bound. */
  protected override visitLimit({ limit }: LimitNode): void {
    this.append('limit ');
    if (ValueNode.is(limit)) this.appendImmediateValue(limit.value);
    else this.visitNode(limit);
  }
}
