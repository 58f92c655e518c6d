import type { Db } from './database';

/** Temporal's task queue for the workflows of this store, and of no other; it never changes. */
export async function readTaskQueue(db: Db): Promise<string> {
  const { taskQueue } = await db.selectFrom('installation').select('taskQueue').executeTakeFirstOrThrow();
  return taskQueue;
}
