/** The things that a job is for. A SNAPSHOT keeps those it was created with; of a CONTINUOUS one they come and go. */
import type { Db, Queryable } from './database';
import { inTransaction, lockJob } from './transaction';

/** The names at positions `from` to `from + count - 1` of the job's first targets. */
export async function readTargets(
  db: Queryable,
  jobId: string,
  from: number,
  count: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('job_targets')
    .select('thingName')
    .where('jobId', '=', jobId)
    .where('position', '>=', from)
    .where('position', '<', from + count)
    .orderBy('position')
    .execute();
  return rows.map(({ thingName }) => thingName);
}

/** Of a CONTINUOUS job: who is launched belongs to it from now on. */
export async function addTargets(tx: Queryable, jobId: string, names: string[]): Promise<void> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('job_targets')
    .values(names.map((thingName) => ({ jobId, thingName, position: -1, explicit: 0 })))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  await changeThingCount(tx, jobId, Number(numInsertedOrUpdatedRows ?? 0n));
}

/** Of a CONTINUOUS job: who has left no longer belongs to it. */
export async function removeTargets(db: Db, jobId: string, names: string[]): Promise<void> {
  await inTransaction(db, async (tx) => {
    await lockJob(tx, jobId, 'update');
    const { numDeletedRows } = await tx
      .deleteFrom('job_targets')
      .where('jobId', '=', jobId)
      .where('thingName', 'in', names)
      .executeTakeFirst();
    await changeThingCount(tx, jobId, -Number(numDeletedRows));
  });
}

/** A thing that was deleted while the job was created stands by its name only: a new one of that name is another. */
export async function forgetTargets(tx: Queryable, jobId: string, names: string[]): Promise<void> {
  if (names.length === 0) return;
  await tx
    .deleteFrom('job_targets')
    .where('jobId', '=', jobId)
    .where('thingName', 'in', names)
    .where('explicit', '=', 1)
    .execute();
}

async function changeThingCount(tx: Queryable, jobId: string, by: number): Promise<void> {
  if (by === 0) return;
  await tx
    .updateTable('jobs')
    .set((eb) => ({ thingCount: eb('thingCount', '+', by) }))
    .where('jobId', '=', jobId)
    .execute();
}
