import SQLite from 'better-sqlite3';
import { Kysely, Migrator, PostgresAdapter, SqliteDialect, type Migration, type Transaction } from 'kysely';
import * as initial from './migrations/001-initial';
import * as webConsole from './migrations/002-console';
import * as installation from './migrations/003-installation';
import type { Database } from './schema';

export type Db = Kysely<Database>;
/** What queries take: they run the same inside and outside of a transaction. */
export type Queryable = Db | Transaction<Database>;

/** For the few statements that can't be written for both. */
export function isPostgres(db: Queryable): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** In order; a released migration is never changed. */
const MIGRATIONS: Record<string, Migration> = {
  '001-initial': initial,
  '002-console': webConsole,
  '003-installation': installation,
};

/**
 * Opens the SQLite file (made where missing) and brings its schema up to date.
 * `synchronous = NORMAL` under WAL: a commit survives the end of the process at any instant; a power cut may
 * take the last moments (docs/operations.md).
 * @throws where the file cannot be opened or a migration fails; the schema is then as it was before that migration
 */
export async function openStore(path: string): Promise<Db> {
  const sqlite = new SQLite(path);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = NORMAL');
  sqlite.pragma('busy_timeout = 5000');
  sqlite.pragma('cache_size = -65536');
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: sqlite }) });
  await migrate(db);
  return db;
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error)
    throw error instanceof Error ? error : new Error('A migration of the store failed.', { cause: error });
}
