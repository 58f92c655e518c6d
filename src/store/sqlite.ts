/** SQLite as the store: one file, one writer. */
import SQLite from 'better-sqlite3';
import {
  SqliteDialect,
  SqliteQueryCompiler,
  ValueNode,
  type LimitNode,
  type QueryCompiler,
  type SelectModifierNode,
  type SqliteDatabase,
  type SqliteStatement,
} from 'kysely';

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
  return new OneWriterDialect({ database: withPreparedStatements(sqlite) });
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
  override createQueryCompiler(): QueryCompiler {
    return new Compiler();
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
