import { sql, type Kysely } from 'kysely';

/**
 * What is pending for a thing, in the order in which devices get it (PROTOCOL.md §2), so that nothing is sorted, and
 * so that SQLite does not come to it through all that the thing has ever done.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('executions_pending_in_order')
    .on('executions')
    .columns(['thingName', 'status'])
    .expression(sql`coalesce(${sql.ref('startedAt')}, ${sql.ref('queuedAt')})`)
    .columns(['jobCreatedAt', 'jobId'])
    .where(sql.ref('status'), 'in', sql`('QUEUED', 'IN_PROGRESS')`)
    .execute();
  await db.schema.dropIndex('executions_pending').execute();
}
