import type { Kysely } from 'kysely';

/**
 * A repeat is the same request in every field, and no longer the same token with some. The tokens that stand here
 * equal no hash, so that a report from before is taken for a new one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('transitions').renameColumn('clientToken', 'requestHash').execute();
}
