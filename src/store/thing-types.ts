/** Thing types, each with its group `{type} (default)` of all things of the type. */
import { MusterError } from '../contract/errors';
import { foldName } from '../domain/search';
import { requireFreeGroupName } from './groups';
import type { Db, Queryable } from './database';
import { endWatching, takeClock } from './membership';
import type { Page, PageRequest } from './paging';
import type { ThingTypeRow } from './schema';
import { listByName, type NameFilter } from './search';
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
    await trx
      .insertInto('thing_types')
      .values({ ...type, foldedName: foldName(name) })
      .execute();
    await trx
      .insertInto('thing_groups')
      .values({
        name: defaultGroupOf(name),
        foldedName: foldName(defaultGroupOf(name)),
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
  filter: NameFilter,
  page: PageRequest,
): Promise<Page<ThingType>> {
  const { items, nextCursor } = await listByName(db, 'thing_types', filter, page);
  return { items: items.map(toThingType), nextCursor };
}

/** @throws MusterError ThingTypeNotFound */
export async function findThingType(db: Queryable, name: string): Promise<ThingType> {
  const row = await db.selectFrom('thing_types').selectAll().where('name', '=', name).executeTakeFirst();
  if (!row) throw new MusterError('ThingTypeNotFound', `There is no thing type "${name}".`);
  return toThingType(row);
}

function toThingType({ foldedName: _, ...type }: ThingTypeRow): ThingType {
  return type;
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
