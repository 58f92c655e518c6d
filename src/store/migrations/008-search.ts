import { PostgresAdapter, sql, type Kysely, type RawBuilder } from 'kysely';
import { foldName } from '../../domain/search';

/** Names of jobs, groups and types in the form in which they are searched, and an index of parts of names of things. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await foldedNames(db);
  if (db.getExecutor().adapter instanceof PostgresAdapter) await postgresIndex(db);
  else await sqliteIndex(db);
}

async function foldedNames(db: Kysely<unknown>): Promise<void> {
  for (const [table, key] of [
    ['jobs', 'jobId'],
    ['thing_groups', 'name'],
    ['thing_types', 'name'],
  ] as const) {
    await db.schema
      .alterTable(table)
      .addColumn('foldedName', 'text', (c) => c.notNull().defaultTo(''))
      .execute();
    await fold(db, sql.table(table), sql.ref(key));
  }
  await db.schema
    .createIndex('jobs_by_name')
    .on('jobs')
    .columns(['createdAt', 'jobId', 'foldedName'])
    .execute();
}

async function fold(
  db: Kysely<unknown>,
  table: RawBuilder<unknown>,
  key: RawBuilder<unknown>,
): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`
    select ${key} as id, name from ${table} where name is not null`.execute(db);
  for (const { id, name } of rows)
    await sql`update ${table} set "foldedName" = ${foldName(name)} where ${key} = ${id}`.execute(db);
}

/**
 * Each name stands between two marks, so that it has three characters at least and can be found as a whole. Triggers
 * keep the index: it stays true whatever writes things.
 */
async function sqliteIndex(db: Kysely<unknown>): Promise<void> {
  const marked = (name: string) => sql.raw(`char(2) || ${name} || char(3)`);
  await sql`create virtual table thing_name_parts using fts5(marked, tokenize = 'trigram')`.execute(db);
  await sql`insert into thing_name_parts(marked) select ${marked('name')} from things`.execute(db);
  await sql`
    create trigger thing_name_added after insert on things begin
      insert into thing_name_parts(marked) values (${marked('new.name')});
    end`.execute(db);
  await sql`
    create trigger thing_name_gone after delete on things begin
      delete from thing_name_parts where rowid in (
        select rowid from thing_name_parts
        where marked match '"' || ${marked('old.name')} || '"' and marked = ${marked('old.name')}
      );
    end`.execute(db);
}

/** By the extension pg_trgm, where PostgreSQL has it and lets this user create it; without it, all names are read. */
async function postgresIndex(db: Kysely<unknown>): Promise<void> {
  await sql`
    do $$ begin
      create extension if not exists pg_trgm;
      create index things_by_part_of_name on things using gin (lower(name) gin_trgm_ops);
    exception
      when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then null;
    end $$`.execute(db);
}
