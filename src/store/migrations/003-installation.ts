import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';

/**
 * The task queue of a Muster is its own, so that two on one Temporal namespace never take each other's tasks.
 * One that has jobs already stays on the queue on which they wait.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('installation')
    .addColumn('taskQueue', 'text', (c) => c.primaryKey())
    .execute();
  const { rows } = await sql`select 1 from jobs limit 1`.execute(db);
  const taskQueue = rows.length > 0 ? 'muster' : `muster-${randomUUID()}`;
  await sql`insert into installation ("taskQueue") values (${taskQueue})`.execute(db);
}
