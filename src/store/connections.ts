/** Which things are connected to the broker, as it tells. */
import { sql } from 'kysely';
import type { Db, Queryable } from './database';
import { appendEvents } from './events';
import { inTransaction, lockThings } from './transaction';

export interface ConnectionChange {
  thingName: string;
  connected: boolean;
  at: number;
}

/** Records changes, each thing at most once. What is as it was, and things that are not there, are left alone. */
export async function recordConnections(db: Db, changes: readonly ConnectionChange[]): Promise<void> {
  const names = changes.map(({ thingName }) => thingName);
  await inTransaction(db, async (tx) => {
    await lockThings(tx, names);
    const rows = await tx
      .selectFrom('things')
      .select(['name', 'connected'])
      .where('name', 'in', names)
      .where('deletedAt', 'is', null)
      .orderBy('name')
      .forNoKeyUpdate()
      .execute();
    const before = new Map(rows.map(({ name, connected }) => [name, connected]));
    const changed = changes.filter(
      ({ thingName, connected }) => before.has(thingName) && before.get(thingName) !== Number(connected),
    );
    if (changed.length === 0) return;
    await update(tx, changed);
    await appendEvents(
      tx,
      changed.map(({ thingName, connected, at }) => ({
        type: connected ? 'thing.connected' : 'thing.disconnected',
        at,
        thingName,
      })),
    );
  });
}

/** One statement for all. Columns of VALUES have the same names everywhere, but no types of their own. */
async function update(tx: Queryable, changes: readonly ConnectionChange[]): Promise<void> {
  const values = changes.map(
    ({ thingName, connected, at }) =>
      sql`(cast(${thingName} as text), cast(${Number(connected)} as integer), cast(${at} as bigint))`,
  );
  await sql`
    update things set connected = v.column2, ${sql.ref('connectionAt')} = v.column3
    from (values ${sql.join(values)}) as v where things.name = v.column1`.execute(tx);
}

/** At the start of a broker: whoever is not back yet is away. */
export async function allDisconnected(db: Db, now: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    await sql`
      insert into events (${sql.join(['type', 'at', 'thingName', 'dataJson', 'notable'].map((name) => sql.ref(name)))})
      select 'thing.disconnected', cast(${now} as bigint), name, '{}', 0 from things where connected = 1`.execute(
      tx,
    );
    await sql`
      update things set connected = 0, ${sql.ref('connectionAt')} = cast(${now} as bigint)
      where connected = 1`.execute(tx);
  });
}
