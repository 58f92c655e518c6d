import { PostgresAdapter, sql, type Kysely } from 'kysely';

/** Sessions of browsers, what happens, how jobs went on, and which things are connected. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sessions(db);
  await events(db);
  await progress(db);
  await connections(db);
}

async function sessions({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('sessions')
    .addColumn('tokenHash', 'text', (c) => c.primaryKey())
    .addColumn('apiKey', 'text', (c) => c.notNull())
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addColumn('expiresAt', 'bigint', (c) => c.notNull())
    .execute();
  await schema.createIndex('sessions_by_key').on('sessions').columns(['apiKey', 'createdAt']).execute();
  await schema.createIndex('sessions_by_expiry').on('sessions').column('expiresAt').execute();
}

async function events(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  const postgres = db.getExecutor().adapter instanceof PostgresAdapter;
  await schema
    .createTable('events')
    .addColumn('seq', postgres ? 'bigserial' : 'integer', (c) =>
      postgres ? c.primaryKey() : c.primaryKey().autoIncrement(),
    )
    // SQLite's transactions come one after the other.
    .addColumn('tx', 'bigint', (c) =>
      c.notNull().defaultTo(postgres ? sql`(pg_current_xact_id()::text::bigint)` : 0),
    )
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('jobId', 'text')
    .addColumn('thingName', 'text')
    .addColumn('dataJson', 'text', (c) => c.notNull())
    .addColumn('notable', 'integer', (c) => c.notNull())
    .execute();
  await schema.createIndex('events_in_order').on('events').columns(['tx', 'seq']).execute();
  await schema
    .createIndex('events_notable')
    .on('events')
    .columns(['tx', 'seq'])
    .where(sql.ref('notable'), '=', sql`1`)
    .execute();
}

async function progress({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('job_progress')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('countsJson', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('job_progress_pk', ['jobId', 'at'])
    .execute();
  await schema.createIndex('jobs_completed').on('jobs').columns(['completedAt', 'jobId']).execute();
  await schema
    .createIndex('executions_at_work')
    .on('executions')
    .column('startedAt')
    .where(sql.ref('status'), '=', sql`'IN_PROGRESS'`)
    .execute();
}

async function connections({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('things').addColumn('connected', 'integer').execute();
  await schema.alterTable('things').addColumn('connectionAt', 'bigint').execute();
  await schema
    .createIndex('things_connected')
    .on('things')
    .column('name')
    .where(sql.ref('connected'), '=', sql`1`)
    .execute();
}
