/**
 * Leases: who does now what only one process may do. A lease that is not renewed runs out, and another may take it.
 * Processes compare its end with their own clocks, which may differ by less than a lease lasts.
 */
import type { Lease } from '../domain/bridge-sessions';
import type { Queryable } from './database';

/** All whose names begin with `prefix`: as few as there are sessions and processes. */
export async function listLeases(db: Queryable, prefix: string): Promise<Lease[]> {
  return db.selectFrom('leases').selectAll().where('name', 'like', `${prefix}%`).orderBy('name').execute();
}

/** Those that nobody has taken meanwhile, also when they had run out. */
export async function renewLeases(db: Queryable, holder: string, expiresAt: number): Promise<void> {
  await db.updateTable('leases').set({ expiresAt }).where('holder', '=', holder).execute();
}

/** @returns whether it is ours now: it was free, or had run out */
export async function takeLease(db: Queryable, lease: Lease, now: number): Promise<boolean> {
  const { holder, expiresAt } = lease;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('leases')
    .values(lease)
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ holder, expiresAt })
        .where((where) =>
          where.or([where('leases.expiresAt', '<=', now), where('leases.holder', '=', holder)]),
        ),
    )
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** From now on it is free; what it stands for is still there. */
export async function releaseLease(db: Queryable, name: string, holder: string): Promise<void> {
  await db
    .updateTable('leases')
    .set({ holder: '', expiresAt: 0 })
    .where('name', '=', name)
    .where('holder', '=', holder)
    .execute();
}

/** What it stood for is gone. */
export async function removeLease(db: Queryable, name: string, holder: string): Promise<void> {
  await db.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute();
}

/** Those of processes that have been gone for long. */
export async function forgetLeases(db: Queryable, prefix: string, endedBefore: number): Promise<void> {
  await db
    .deleteFrom('leases')
    .where('name', 'like', `${prefix}%`)
    .where('expiresAt', '<', endedBefore)
    .execute();
}
