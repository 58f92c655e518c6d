/** Thing types, each with its group `{type} (default)` of all things of the type. */
import { MusterError } from '../contract/errors';
import { requireFreeGroupName } from './groups';
import type { Db, Queryable } from './database';
import { endWatching, takeClock } from './membership';
import { endOfPrefix, NAME_KEY, readCursor, toPage, type Page, type PageRequest } from './paging';
import { inTransaction } from './transaction';

export interface ThingType {
  name: string;
  description: string | null;
  createdAt: number;
}

export const defaultGroupOf = (typeName: string) => `${typeName} (default)`;

/** @throws MusterError AlreadyExists: the type, or a group with the name of its default group */
export async function createThingType(
  db: Db,
  { name, description }: { name: string; description: string | null },
  now: number,
): Promise<ThingType> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    const taken = await trx
      .selectFrom('thing_types')
      .select('name')
      .where('name', '=', name)
      .executeTakeFirst();
    if (taken) throw new MusterError('AlreadyExists', `There is a thing type "${name}" already.`);
    await requireFreeGroupName(trx, defaultGroupOf(name));
    const type = { name, description, createdAt: now };
    await trx.insertInto('thing_types').values(type).execute();
    await trx
      .insertInto('thing_groups')
      .values({
        name: defaultGroupOf(name),
        kind: 'TYPE',
        description: `All things of type ${name}`,
        thingTypeName: name,
        createdAt: now,
      })
      .execute();
    return type;
  });
}

/** By name. */
export async function listThingTypes(
  db: Queryable,
  { namePrefix }: { namePrefix?: string },
  page: PageRequest,
): Promise<Page<ThingType>> {
  const after = readCursor(page.cursor, NAME_KEY);
  let query = db.selectFrom('thing_types').selectAll();
  if (namePrefix) query = query.where('name', '>=', namePrefix).where('name', '<', endOfPrefix(namePrefix));
  if (after) query = query.where('name', '>', after[0]);
  const rows = await query
    .orderBy('name')
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => [row.name]);
}

/** @throws MusterError ThingTypeNotFound */
export async function findThingType(db: Queryable, name: string): Promise<ThingType> {
  const row = await db.selectFrom('thing_types').selectAll().where('name', '=', name).executeTakeFirst();
  if (!row) throw new MusterError('ThingTypeNotFound', `There is no thing type "${name}".`);
  return row;
}

/** @throws MusterError ThingTypeNotFound, ThingTypeInUse */
export async function deleteThingType(db: Db, name: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    await takeClock(trx);
    await findThingType(trx, name);
    const user = await trx
      .selectFrom('things')
      .select('name')
      .where('thingTypeName', '=', name)
      .limit(1)
      .executeTakeFirst();
    if (user) {
      throw new MusterError(
        'ThingTypeInUse',
        `Things have the type "${name}", "${user.name}" for one; change or delete them first.`,
      );
    }
    await endWatching(trx, defaultGroupOf(name));
    await trx.deleteFrom('thing_groups').where('thingTypeName', '=', name).execute();
    await trx.deleteFrom('thing_types').where('name', '=', name).execute();
  });
}
