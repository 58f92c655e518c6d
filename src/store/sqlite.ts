/** SQLite as the store: one file, one writer. */
import SQLite from 'better-sqlite3';
import { SqliteDialect, SqliteQueryCompiler, type QueryCompiler, type SelectModifierNode } from 'kysely';

/**
 * Opens the file, made where missing.
 * `synchronous = NORMAL` under WAL: a commit survives the end of the process at any instant; a power cut may
 * take the last moments (docs/operations.md).
 */
export function openSqlite(file: string): SqliteDialect {
  const sqlite = new SQLite(file);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = NORMAL');
  sqlite.pragma('busy_timeout = 5000');
  sqlite.pragma('cache_size = -65536');
  return new OneWriterDialect({ database: sqlite });
}

class OneWriterDialect extends SqliteDialect {
  override createQueryCompiler(): QueryCompiler {
    return new WithoutRowLocks();
  }
}

/** Transactions come one after the other in any case: there are no rows to lock, and no words for it. */
class WithoutRowLocks extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (!/^For/.test(node.modifier ?? '')) super.visitSelectModifier(node);
  }
}
