/**
 * Membership of thing groups. Every join and leave is written to the log and then carried out from there, in the
 * transaction of the change that brought it about. All functions return the names of the groups they touched.
 */
import { sql, type SelectQueryBuilder, type Transaction } from 'kysely';
import type { Database } from './schema';

type Change = Database['membership_log']['change'];
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- queries over different tables with one result
type Pairs = SelectQueryBuilder<any, any, { groupName: string; thingName: string }>;

/**
 * Holds the log's clock until commit. Whoever changes tags, types, groups or members takes it first, so that two
 * such changes never miss each other.
 */
export async function takeClock(trx: Transaction<Database>): Promise<number> {
  const { seq } = await trx
    .updateTable('membership_clock')
    .set((eb) => ({ seq: eb.ref('seq') }))
    .where('id', '=', 1)
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/**
 * Brings the dynamic and type groups in line with what these things carry now.
 * Joins come before leaves: a thing that moves between two target groups of a job never leaves the job.
 */
export async function followThings(
  trx: Transaction<Database>,
  thingNames: readonly string[],
  at: number,
): Promise<string[]> {
  if (thingNames.length === 0) return [];
  const wanted = [
    dynamicMembers(trx).where('worn.thingName', 'in', thingNames),
    typeMembers(trx).where('thing.name', 'in', thingNames),
  ] as const;
  const actual = trx
    .selectFrom('thing_group_members as member')
    .innerJoin('thing_groups as group', 'group.name', 'member.groupName')
    .where('group.kind', '!=', 'EXPLICIT')
    .where('member.thingName', 'in', thingNames)
    .select(['member.groupName', 'member.thingName']);
  return [
    ...(await record(trx, 'JOINED', wanted[0].unionAll(wanted[1]).except(actual), at)),
    ...(await record(trx, 'LEFT', actual.except(wanted[0]).except(wanted[1]), at)),
  ];
}

/** Gives a new dynamic or type group its members. */
export async function fillGroup(
  trx: Transaction<Database>,
  groupName: string,
  at: number,
): Promise<string[]> {
  const members = dynamicMembers(trx)
    .where('wanted.groupName', '=', groupName)
    .unionAll(typeMembers(trx).where('group.name', '=', groupName));
  return record(trx, 'JOINED', members, at);
}

/** Things that are members already stay so. */
export async function joinGroup(
  trx: Transaction<Database>,
  groupName: string,
  thingNames: readonly string[],
  at: number,
): Promise<string[]> {
  if (thingNames.length === 0) return [];
  const joining = trx
    .selectFrom('things')
    .where('name', 'in', thingNames)
    .where('deletedAt', 'is', null)
    .select([sql<string>`cast(${groupName} as text)`.as('groupName'), 'name as thingName'])
    .except(members(trx).where('groupName', '=', groupName));
  return record(trx, 'JOINED', joining, at);
}

/** @param thingNames left out: all of them */
export async function leaveGroup(
  trx: Transaction<Database>,
  groupName: string,
  thingNames: readonly string[] | undefined,
  at: number,
): Promise<string[]> {
  if (thingNames?.length === 0) return [];
  const leaving = members(trx).where('groupName', '=', groupName);
  return record(trx, 'LEFT', thingNames ? leaving.where('thingName', 'in', thingNames) : leaving, at);
}

export async function leaveAllGroups(
  trx: Transaction<Database>,
  thingName: string,
  at: number,
): Promise<string[]> {
  return record(trx, 'LEFT', members(trx).where('thingName', '=', thingName), at);
}

/**
 * A group is deleted, after its members have left it: CONTINUOUS jobs read of it so far and no further, so that another
 * group of its name feeds none of them.
 */
export async function endWatching(trx: Transaction<Database>, groupName: string): Promise<void> {
  const endSeq = await takeClock(trx);
  await trx
    .updateTable('job_groups')
    .set({ endSeq })
    .where('groupName', '=', groupName)
    .where('endSeq', 'is', null)
    .execute();
}

function members(trx: Transaction<Database>) {
  return trx.selectFrom('thing_group_members').select(['groupName', 'thingName']);
}

/** Who carries all tags of a group. */
function dynamicMembers(trx: Transaction<Database>) {
  return trx
    .selectFrom('thing_group_tags as wanted')
    .innerJoin('thing_tags as worn', 'worn.tag', 'wanted.tag')
    .groupBy(['wanted.groupName', 'worn.thingName'])
    .having(
      ({ fn }) => fn.countAll<number>(),
      '=',
      (eb) =>
        eb
          .selectFrom('thing_group_tags as each')
          .whereRef('each.groupName', '=', 'wanted.groupName')
          .select(eb.fn.countAll<number>().as('n')),
    )
    .select(['wanted.groupName', 'worn.thingName']);
}

function typeMembers(trx: Transaction<Database>) {
  return trx
    .selectFrom('things as thing')
    .innerJoin('thing_groups as group', 'group.thingTypeName', 'thing.thingTypeName')
    .where('thing.deletedAt', 'is', null)
    .select(['group.name as groupName', 'thing.name as thingName']);
}

async function record(
  trx: Transaction<Database>,
  change: Change,
  pairs: Pairs,
  at: number,
): Promise<string[]> {
  const before = await takeClock(trx);
  await trx
    .insertInto('membership_log')
    .columns(['seq', 'groupName', 'thingName', 'change', 'at'])
    .expression(
      trx
        .selectFrom(pairs.as('pair'))
        .select([
          sql<number>`cast(${before} as bigint) + row_number() over (order by "groupName", "thingName")`.as(
            'seq',
          ),
          'pair.groupName',
          'pair.thingName',
          sql<Change>`cast(${change} as text)`.as('change'),
          sql<number>`cast(${at} as bigint)`.as('at'),
        ]),
    )
    .execute();
  const logged = trx.selectFrom('membership_log').where('seq', '>', before);
  const touched = await logged.select('groupName').distinct().execute();
  if (touched.length === 0) return [];

  await trx
    .updateTable('membership_clock')
    .set({ seq: logged.select(({ fn }) => fn.max('seq').as('seq')) })
    .where('id', '=', 1)
    .execute();
  const changed = logged.select(['groupName', 'thingName']);
  if (change === 'JOINED') {
    await trx
      .insertInto('thing_group_members')
      .columns(['groupName', 'thingName'])
      .expression(changed)
      .execute();
  } else {
    await trx
      .deleteFrom('thing_group_members')
      .where((eb) =>
        eb(eb.refTuple('groupName', 'thingName'), 'in', changed.$asTuple('groupName', 'thingName')),
      )
      .execute();
  }
  return touched.map(({ groupName }) => groupName);
}
