import {
  Kysely,
  Migrator,
  PostgresAdapter,
  type Dialect,
  type Logger,
  type Migration,
  sql,
  type Transaction,
} from 'kysely';
import type { Durability } from '../domain/durability';
import * as initial from './migrations/001-initial';
import * as webConsole from './migrations/002-console';
import * as installation from './migrations/003-installation';
import * as leases from './migrations/004-leases';
import * as pendingInOrder from './migrations/005-pending-in-order';
import * as queue from './migrations/006-queue';
import * as requestHash from './migrations/007-request-hash';
import * as search from './migrations/008-search';
import { migratingDialect, workingDialect, type PostgresLocation } from './postgres';
import type { Database } from './schema';
import { openSqlite } from './sqlite';

export type Db = Kysely<Database>;
/** What queries take: they run the same inside and outside of a transaction. */
export type Queryable = Db | Transaction<Database>;

/** Where the store is: an SQLite file, or a database of PostgreSQL, whose own settings say how durable it is. */
export type StoreLocation = { file: string; durability?: Durability } | PostgresLocation;

/** For the few statements that can't be written for both. */
export function isPostgres(db: Queryable): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** In order; a released migration is never changed. */
const MIGRATIONS: Record<string, Migration> = {
  '001-initial': initial,
  '002-console': webConsole,
  '003-installation': installation,
  '004-leases': leases,
  '005-pending-in-order': pendingInOrder,
  '006-queue': queue,
  '007-request-hash': requestHash,
  '008-search': search,
};

/**
 * Opens the store and brings its schema up to date. Any number of processes may do so at once: on PostgreSQL
 * migrations run under a lock, and an SQLite file belongs to one process.
 * @throws where it cannot be opened or a migration fails; the schema is then as it was before that migration
 */
export async function openStore(location: StoreLocation): Promise<Db> {
  if ('file' in location) {
    const db = openStoreAsItIs(location);
    try {
      await migrate(db);
      return db;
    } catch (error) {
      await db.destroy();
      throw error;
    }
  }
  const migrating = storeOn(migratingDialect(location));
  await prepare(migrating).finally(() => migrating.destroy());
  return openStoreAsItIs(location);
}

/** The same with whatever schema it has: for who only looks. */
export function openStoreAsItIs(location: StoreLocation): Db {
  return storeOn(
    'file' in location ? openSqlite(location.file, location.durability) : workingDialect(location),
  );
}

/** Migrations that the store lacks, in order. */
export async function missingMigrations(db: Db): Promise<string[]> {
  const migrations = await migratorOf(db).getMigrations();
  return migrations.filter(({ executedAt }) => !executedAt).map(({ name }) => name);
}

async function prepare(db: Db): Promise<void> {
  await migrate(db);
  await forgetForeignEvents(db);
}

/** @param log is told of each statement */
export function storeOn(dialect: Dialect, log?: Logger): Db {
  return new Kysely<Database>({ dialect, log });
}

const migratorOf = (db: Db) =>
  new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });

/** Brings the schema up to date. */
export async function migrate(db: Db): Promise<void> {
  const { error } = await migratorOf(db).migrateToLatest();
  if (error)
    throw error instanceof Error ? error : new Error('A migration of the store failed.', { cause: error });
}

/**
 * Forgets events of another PostgreSQL, whose dump was restored here: their transactions have numbers that are still
 * to come here, and whatever happens now would stand before them.
 */
async function forgetForeignEvents(db: Db): Promise<void> {
  const next = sql<number>`pg_snapshot_xmax(pg_current_snapshot())::text::bigint`;
  await db.deleteFrom('events').where('tx', '>=', next).execute();
}
