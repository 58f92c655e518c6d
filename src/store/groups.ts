/** Thing groups: explicit, dynamic (by tags) and default (by type). */
import type { Transaction } from 'kysely';
import { MusterError } from '../contract/errors';
import { foldName } from '../domain/search';
import type { Db, Queryable } from './database';
import { endWatching, fillGroup, joinGroup, leaveGroup, takeClock } from './membership';
import type { Page, PageRequest } from './paging';
import type { Database } from './schema';
import { listByName, type NameFilter } from './search';
import { requireThing, unknownThings } from './things';
import { inTransaction } from './transaction';

type GroupRow = Database['thing_groups'];

export interface ThingGroup {
  name: string;
  kind: GroupRow['kind'];
  description: string | null;
  /** Of a dynamic group: its members carry them all. */
  tags: string[];
  /** Of the default group of a type. */
  thingTypeName: string | null;
  createdAt: number;
}

/**
 * With tags the group is dynamic, without it is explicit.
 * @returns the groups that changed members, as all changes of groups do
 * @throws MusterError AlreadyExists
 */
export async function createGroup(
  db: Db,
  { name, description, tags }: { name: string; description: string | null; tags: string[] },
  now: number,
): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    await requireFreeGroupName(trx, name);
    const wanted = [...new Set(tags)].sort();
    const kind = wanted.length > 0 ? 'DYNAMIC' : 'EXPLICIT';
    await trx
      .insertInto('thing_groups')
      .values({ name, foldedName: foldName(name), kind, description, createdAt: now })
      .execute();
    if (kind === 'EXPLICIT') return [];
    await trx
      .insertInto('thing_group_tags')
      .values(wanted.map((tag) => ({ groupName: name, tag })))
      .execute();
    return fillGroup(trx, name, now);
  });
}

/** By name. */
export async function listGroups(
  db: Queryable,
  filter: NameFilter,
  page: PageRequest,
): Promise<Page<ThingGroup>> {
  const { items, nextCursor } = await listByName(db, 'thing_groups', filter, page);
  return { items: await withTags(db, items), nextCursor };
}

/** @throws MusterError ThingGroupNotFound */
export async function findGroup(db: Queryable, name: string): Promise<ThingGroup & { thingCount: number }> {
  const [group] = await withTags(db, [await requireGroup(db, name)]);
  const { thingCount } = await db
    .selectFrom('thing_group_members')
    .select(({ fn }) => fn.countAll<number>().as('thingCount'))
    .where('groupName', '=', name)
    .executeTakeFirstOrThrow();
  return { ...group!, thingCount: Number(thingCount) };
}

/**
 * Its members leave it, and stay registered.
 * @throws MusterError ThingGroupNotFound, GroupNotEditable (default group of a type: it goes with the type)
 */
export async function deleteGroup(db: Db, name: string, now: number): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    const { kind } = await requireGroup(trx, name);
    if (kind === 'TYPE') {
      throw new MusterError(
        'GroupNotEditable',
        `"${name}" is the default group of a thing type; delete the type to delete it.`,
      );
    }
    const touched = await leaveGroup(trx, name, undefined, now);
    await endWatching(trx, name);
    await trx.deleteFrom('thing_group_tags').where('groupName', '=', name).execute();
    await trx.deleteFrom('thing_groups').where('name', '=', name).execute();
    return touched;
  });
}

export interface MemberChanges {
  add: string[];
  remove: string[];
}

/**
 * Adding a member or removing a stranger changes nothing.
 * @throws MusterError ThingGroupNotFound, GroupNotEditable, UnknownThing (an added one)
 */
export async function changeMembers(
  db: Db,
  groupName: string,
  { add, remove }: MemberChanges,
  now: number,
): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    await requireEditableGroup(trx, groupName);
    await requireKnown(trx, add);
    return [
      ...(await joinGroup(trx, groupName, add, now)),
      ...(await leaveGroup(trx, groupName, remove, now)),
    ];
  });
}

/** @throws MusterError ThingGroupNotFound, GroupNotEditable, ThingNotFound */
export async function changeMember(
  db: Db,
  groupName: string,
  thingName: string,
  change: keyof MemberChanges,
  now: number,
): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    await requireEditableGroup(trx, groupName);
    await requireThing(trx, thingName);
    return change === 'add'
      ? joinGroup(trx, groupName, [thingName], now)
      : leaveGroup(trx, groupName, [thingName], now);
  });
}

/** Those of the names that no group has. */
export async function unknownGroups(db: Queryable, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db.selectFrom('thing_groups').select('name').where('name', 'in', names).execute();
  const known = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !known.has(name));
}

/** @throws MusterError AlreadyExists */
export async function requireFreeGroupName(trx: Transaction<Database>, name: string): Promise<void> {
  const taken = await trx
    .selectFrom('thing_groups')
    .select('name')
    .where('name', '=', name)
    .executeTakeFirst();
  if (taken) throw new MusterError('AlreadyExists', `There is a thing group "${name}" already.`);
}

/** @throws MusterError ThingGroupNotFound */
export async function requireGroup(db: Queryable, name: string): Promise<GroupRow> {
  const row = await db.selectFrom('thing_groups').selectAll().where('name', '=', name).executeTakeFirst();
  if (!row) throw new MusterError('ThingGroupNotFound', `There is no thing group "${name}".`);
  return row;
}

async function requireEditableGroup(trx: Transaction<Database>, name: string): Promise<void> {
  const { kind } = await requireGroup(trx, name);
  if (kind === 'EXPLICIT') return;
  const source = kind === 'DYNAMIC' ? 'the tags of things' : 'the types of things';
  throw new MusterError('GroupNotEditable', `The members of "${name}" follow from ${source}; change those.`);
}

async function requireKnown(trx: Transaction<Database>, thingNames: string[]): Promise<void> {
  const unknown = new Set(await unknownThings(trx, thingNames));
  if (unknown.size === 0) return;
  throw new MusterError('UnknownThing', `${unknown.size} of the things to add do not exist.`, {
    errors: thingNames.flatMap((name, i) =>
      unknown.has(name) ? [{ path: `add.${i}`, message: `there is no thing "${name}"` }] : [],
    ),
  });
}

async function withTags(db: Queryable, rows: readonly GroupRow[]): Promise<ThingGroup[]> {
  if (rows.length === 0) return [];
  const tagRows = await db
    .selectFrom('thing_group_tags')
    .selectAll()
    .where(
      'groupName',
      'in',
      rows.map(({ name }) => name),
    )
    .orderBy('groupName')
    .orderBy('tag')
    .execute();
  const tags = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
  for (const { groupName, tag } of tagRows) tags.get(groupName)?.push(tag);
  return rows.map(({ foldedName: _, ...row }) => ({ ...row, tags: tags.get(row.name) ?? [] }));
}
