/** The registry of things. */
import { sql, type RawBuilder, type SelectQueryBuilder, type Transaction } from 'kysely';
import { MusterError, type ErrorCode } from '../contract/errors';
import { OWN_CLIENT_ID_PREFIX } from '../domain/limits';
import type { Db, Queryable } from './database';
import { followThings, leaveAllGroups, takeClock } from './membership';
import { endOfPrefix, NAME_KEY, readCursor, toPage, type Page, type PageRequest } from './paging';
import type { Database, ThingRow } from './schema';
import { holds, namesHolding, readInSlices, type Range } from './search';
import { newSecret, sameHash, sha256 } from './secrets';
import { forgetThing } from './targets';
import { inTransaction } from './transaction';

export interface Thing {
  name: string;
  mqttClientId: string;
  thingTypeName: string | null;
  tags: string[];
  attributes: Record<string, string>;
  /** To the broker; null where it was never seen. */
  connection: { connected: boolean; at: number } | null;
  createdAt: number;
  lastUpdatedAt: number;
}

/** What a device needs to connect; the password can't be read again. */
export interface MqttCredentials {
  clientId: string;
  username: string;
  password: string;
}

export interface ThingWithCredentials extends Thing {
  mqttCredentials: MqttCredentials;
}

export interface NewThing {
  name: string;
  /** Left out: the name. */
  mqttClientId?: string;
  thingTypeName?: string;
  tags: string[];
  attributes: Record<string, string>;
}

export interface RefusedThing {
  /** Position in the call, from 0. */
  index: number;
  name: string;
  code: ErrorCode;
  detail: string;
}

export interface Registration {
  created: ThingWithCredentials[];
  refused: RefusedThing[];
  touchedGroups: string[];
}

export interface ThingChanges {
  mqttClientId?: string;
  /** Null: has no type any more. */
  thingTypeName?: string | null;
  tags?: string[];
  attributes?: Record<string, string>;
}

export interface ThingFilter {
  /** What the name begins with, exactly. */
  namePrefix?: string;
  /** What the name holds, in upper or lower case. */
  search?: string;
  /** All must be there. */
  tags?: string[];
  thingTypeName?: string;
  groupName?: string;
  connected?: boolean;
}

/** Things registered in one transaction: it holds up everybody else for some 20 ms. */
const THINGS_PER_TRANSACTION = 250;
/** Rows of tags in one statement; SQLite takes 32,766 parameters. */
const TAGS_PER_STATEMENT = 5_000;

/**
 * Registers any number of things; who is refused does not hold up the others. A crash half-way leaves some of them
 * registered, which are refused as AlreadyExists when it is tried again.
 */
export async function registerThings(
  db: Db,
  things: readonly NewThing[],
  now: number,
): Promise<Registration> {
  const all: Registration = { created: [], refused: [], touchedGroups: [] };
  for (let from = 0; from < things.length; from += THINGS_PER_TRANSACTION) {
    const page = things.slice(from, from + THINGS_PER_TRANSACTION);
    const part = await inTransaction(db, (trx) => registerPage(trx, page, now));
    all.created.push(...part.created);
    all.refused.push(...part.refused.map((refusal) => ({ ...refusal, index: refusal.index + from })));
    all.touchedGroups = [...new Set([...all.touchedGroups, ...part.touchedGroups])];
  }
  return all;
}

/** @throws MusterError AlreadyExists, UnknownThingType */
export async function registerThing(
  db: Db,
  thing: NewThing,
  now: number,
): Promise<{ thing: ThingWithCredentials; touchedGroups: string[] }> {
  const { created, refused, touchedGroups } = await registerThings(db, [thing], now);
  if (created[0]) return { thing: created[0], touchedGroups };
  throw new MusterError(refused[0]!.code, refused[0]!.detail);
}

async function registerPage(
  trx: Transaction<Database>,
  things: readonly NewThing[],
  now: number,
): Promise<Registration> {
  await takeClock(trx);
  const refusalOf = await refusals(trx, things);
  const refused: RefusedThing[] = [];
  const created: ThingWithCredentials[] = [];
  things.forEach((thing, index) => {
    const refusal = refusalOf(thing);
    if (refusal) refused.push({ index, name: thing.name, ...refusal });
    else created.push(withCredentials(thing, now));
  });
  await insertThings(trx, created);
  const touchedGroups = await followThings(
    trx,
    created.map(({ name }) => name),
    now,
  );
  return { created, refused, touchedGroups };
}

type Refusal = { code: ErrorCode; detail: string };

/** Decides on one thing after the other; who is let in takes its name and its client id. */
async function refusals(
  trx: Transaction<Database>,
  things: readonly NewThing[],
): Promise<(thing: NewThing) => Refusal | undefined> {
  const typeNames = things.flatMap(({ thingTypeName }) => thingTypeName ?? []);
  const types = await trx.selectFrom('thing_types').select('name').where('name', 'in', typeNames).execute();
  const knownTypes = new Set(types.map(({ name }) => name));
  const names = await trx
    .selectFrom('things')
    .select(['name', 'deletedAt'])
    .where(
      'name',
      'in',
      things.map(({ name }) => name),
    )
    .execute();
  const takenNames = new Map(names.map(({ name, deletedAt }) => [name, deletedAt]));
  const clientIds = await trx
    .selectFrom('things')
    .select('mqttClientId')
    .where('mqttClientId', 'in', things.map(clientIdOf))
    .execute();
  const takenClientIds = new Set(clientIds.map(({ mqttClientId }) => mqttClientId));

  return (thing) => {
    const { name, thingTypeName } = thing;
    if (takenNames.has(name)) return nameTaken(name, takenNames.get(name) ?? null);
    const clientId = clientIdOf(thing);
    if (isOwn(clientId) || takenClientIds.has(clientId)) return clientIdTaken(clientId);
    if (thingTypeName !== undefined && !knownTypes.has(thingTypeName)) return unknownType(thingTypeName);
    takenNames.set(name, null);
    takenClientIds.add(clientId);
    return undefined;
  };
}

function nameTaken(name: string, deletedAt: number | null): Refusal {
  const detail =
    deletedAt === null
      ? `There is a thing "${name}" already; choose another name.`
      : `The former thing "${name}" is being deleted; try again in a moment.`;
  return { code: 'AlreadyExists', detail };
}

function clientIdTaken(clientId: string): Refusal {
  const owner = isOwn(clientId) ? 'is kept for Muster itself' : 'belongs to another thing';
  return { code: 'AlreadyExists', detail: `mqttClientId "${clientId}" ${owner}; choose another one.` };
}

function unknownType(name: string): Refusal {
  return { code: 'UnknownThingType', detail: `There is no thing type "${name}"; create it first.` };
}

/** Whoever connects with it would take the place of Muster's own connection. */
function isOwn(clientId: string): boolean {
  return clientId.startsWith(OWN_CLIENT_ID_PREFIX);
}

function clientIdOf({ name, mqttClientId }: NewThing): string {
  return mqttClientId ?? name;
}

function withCredentials(thing: NewThing, now: number): ThingWithCredentials {
  const mqttClientId = clientIdOf(thing);
  return {
    name: thing.name,
    mqttClientId,
    thingTypeName: thing.thingTypeName ?? null,
    tags: uniqueSorted(thing.tags),
    attributes: thing.attributes,
    connection: null,
    createdAt: now,
    lastUpdatedAt: now,
    mqttCredentials: { clientId: mqttClientId, username: thing.name, password: newSecret() },
  };
}

async function insertThings(
  trx: Transaction<Database>,
  things: readonly ThingWithCredentials[],
): Promise<void> {
  if (things.length === 0) return;
  const rows = things.map((thing) => ({
    name: thing.name,
    mqttClientId: thing.mqttClientId,
    thingTypeName: thing.thingTypeName,
    attributesJson: JSON.stringify(thing.attributes),
    passwordHash: sha256(thing.mqttCredentials.password),
    createdAt: thing.createdAt,
    lastUpdatedAt: thing.lastUpdatedAt,
  }));
  await trx.insertInto('things').values(rows).execute();
  await insertTags(
    trx,
    things.flatMap(({ name, tags }) => tags.map((tag) => ({ thingName: name, tag }))),
  );
}

async function insertTags(
  trx: Transaction<Database>,
  rows: readonly { thingName: string; tag: string }[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += TAGS_PER_STATEMENT) {
    await trx
      .insertInto('thing_tags')
      .values(rows.slice(from, from + TAGS_PER_STATEMENT))
      .execute();
  }
}

/** @throws MusterError ThingNotFound */
export async function findThing(db: Queryable, name: string): Promise<Thing> {
  const [thing] = await withTags(db, [await requireThing(db, name)]);
  return thing!;
}

/** By name. */
export async function listThings(
  db: Queryable,
  filter: ThingFilter,
  page: PageRequest,
): Promise<Page<Thing>> {
  const after = readCursor(page.cursor, NAME_KEY);
  const from = { after: after && { key: after[0] }, limit: page.limit + 1 };
  const rows = await (filter.search
    ? searchThings(db, filter, filter.search, from)
    : readThings(db, filter, from, from.limit));
  const { items, nextCursor } = toPage(rows, page.limit, (row) => [row.name]);
  return { items: await withTags(db, items), nextCursor };
}

async function searchThings(
  db: Queryable,
  filter: ThingFilter,
  search: string,
  from: { after: ThingKey | undefined; limit: number },
): Promise<ThingRow[]> {
  const names = await namesHolding(db, search);
  if (names)
    return readThings(db, filter, from, from.limit, sql`candidate.key in (${sql.join([null, ...names])})`);
  return readInSlices(
    db,
    from,
    (range) => inRange(db, filter, range).select('candidate.key'),
    (range, limit) => readThings(db, filter, range, limit, holds(sql`lower(candidate.key)`, search)),
  );
}

/** @param only of these */
function readThings(
  db: Queryable,
  filter: ThingFilter,
  range: Range<ThingKey>,
  limit: number,
  only?: RawBuilder<boolean>,
): Promise<ThingRow[]> {
  const query = matching(db, filter, range).selectAll('things').limit(limit);
  return (only ? query.where(only) : query).execute();
}

interface ThingKey {
  key: string;
}

function inRange(db: Queryable, filter: ThingFilter, { after, end }: Range<ThingKey>) {
  const { namePrefix } = filter;
  let query = db.selectFrom(candidates(db, filter).as('candidate')).orderBy('candidate.key');
  if (namePrefix) {
    query = query
      .where('candidate.key', '>=', namePrefix)
      .where('candidate.key', '<', endOfPrefix(namePrefix));
  }
  if (after) query = query.where('candidate.key', '>', after.key);
  if (end) query = query.where('candidate.key', '<=', end.key);
  return query;
}

function matching(db: Queryable, filter: ThingFilter, range: Range<ThingKey>) {
  const { tags = [], thingTypeName, connected } = filter;
  let query = inRange(db, filter, range)
    .innerJoin('things', 'things.name', 'candidate.key')
    .where('things.deletedAt', 'is', null);
  if (thingTypeName !== undefined) query = query.where('things.thingTypeName', '=', thingTypeName);
  if (connected === true) query = query.where('things.connected', '=', 1);
  if (connected === false) {
    query = query.where((eb) => eb.or([eb('connected', '=', 0), eb('connected', 'is', null)]));
  }
  for (const tag of tags) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('thing_tags')
          .select('tag')
          .whereRef('thing_tags.thingName', '=', 'candidate.key')
          .where('thing_tags.tag', '=', tag),
      ),
    );
  }
  return query;
}

/** Names in the order of the index that narrows them best, so that a page costs a page. */
function candidates(
  db: Queryable,
  { groupName, tags = [], thingTypeName, connected }: ThingFilter,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- queries over different tables with one result
): SelectQueryBuilder<any, any, { key: string }> {
  if (groupName !== undefined) {
    return db.selectFrom('thing_group_members').select('thingName as key').where('groupName', '=', groupName);
  }
  if (tags[0] !== undefined) {
    return db.selectFrom('thing_tags').select('thingName as key').where('tag', '=', tags[0]);
  }
  const things = db.selectFrom('things').select('name as key');
  if (thingTypeName !== undefined) return things.where('thingTypeName', '=', thingTypeName);
  // A literal, or SQLite could not use the partial index.
  return connected === true ? things.where(sql.ref('connected'), '=', sql`1`) : things;
}

/**
 * @returns the thing afterwards, and whether its credentials no longer fit the connection it may have
 * @throws MusterError ThingNotFound, UnknownThingType, AlreadyExists (mqttClientId)
 */
export async function updateThing(
  db: Db,
  name: string,
  changes: ThingChanges,
  now: number,
): Promise<{ thing: Thing; touchedGroups: string[]; credentialsChanged: boolean }> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    const before = await requireThing(trx, name);
    const { mqttClientId = before.mqttClientId, thingTypeName, tags, attributes } = changes;
    const credentialsChanged = mqttClientId !== before.mqttClientId;
    if (credentialsChanged) await requireFreeClientId(trx, mqttClientId);
    if (typeof thingTypeName === 'string') await requireType(trx, thingTypeName);
    await trx
      .updateTable('things')
      .set({
        mqttClientId,
        lastUpdatedAt: now,
        ...(thingTypeName !== undefined && { thingTypeName }),
        ...(attributes && { attributesJson: JSON.stringify(attributes) }),
      })
      .where('name', '=', name)
      .execute();
    if (tags) {
      await trx.deleteFrom('thing_tags').where('thingName', '=', name).execute();
      await insertTags(
        trx,
        uniqueSorted(tags).map((tag) => ({ thingName: name, tag })),
      );
    }
    const touchedGroups = await followThings(trx, [name], now);
    return { thing: await findThing(trx, name), touchedGroups, credentialsChanged };
  });
}

/**
 * The old password ends at once.
 * @throws MusterError ThingNotFound
 */
export async function renewCredentials(
  db: Queryable,
  name: string,
  now: number,
): Promise<ThingWithCredentials> {
  const password = newSecret();
  await setPasswordHash(db, name, sha256(password), now);
  const thing = await findThing(db, name);
  return { ...thing, mqttCredentials: { clientId: thing.mqttClientId, username: name, password } };
}

/** @throws MusterError ThingNotFound */
export async function revokeCredentials(db: Queryable, name: string, now: number): Promise<void> {
  await setPasswordHash(db, name, null, now);
}

/** Whether this is the password of the thing, and which client id goes with it. Equal work for unknown names. */
export async function verifyDevice(
  db: Queryable,
  username: string,
  password: string,
): Promise<{ thingName: string; mqttClientId: string } | undefined> {
  const thing = await db
    .selectFrom('things')
    .select(['name', 'mqttClientId', 'passwordHash'])
    .where('name', '=', username)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
  const matches = sameHash(sha256(password), thing?.passwordHash ?? NO_HASH);
  return thing && matches ? { thingName: thing.name, mqttClientId: thing.mqttClientId } : undefined;
}

/** As long as a hash, and no text has it. */
const NO_HASH = '-'.repeat(64);

/**
 * First half of a deletion: from here on the thing is gone for everybody. Doing it again changes nothing.
 * @returns the groups it left
 * @throws MusterError ThingNotFound
 */
export async function markThingDeleted(db: Db, name: string, now: number): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    await takeClock(trx);
    const { numUpdatedRows } = await trx
      .updateTable('things')
      .set({ deletedAt: now, passwordHash: null, thingTypeName: null, connected: null, connectionAt: null })
      .where('name', '=', name)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw thingNotFound(name);
    await trx.deleteFrom('thing_tags').where('thingName', '=', name).execute();
    return leaveAllGroups(trx, name, now);
  });
}

/** Second half, when its pending executions are removed: its name is free again. */
export async function finishThingDeletion(db: Db, name: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await forgetThing(tx, name);
    await tx.deleteFrom('things').where('name', '=', name).where('deletedAt', 'is not', null).execute();
  });
}

/** Things whose deletion was begun and not finished. */
export async function thingsBeingDeleted(db: Queryable): Promise<string[]> {
  const rows = await db.selectFrom('things').select('name').where('deletedAt', 'is not', null).execute();
  return rows.map(({ name }) => name);
}

/** Those of the names that no thing has. */
export async function unknownThings(db: Queryable, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db
    .selectFrom('things')
    .select('name')
    .where('name', 'in', names)
    .where('deletedAt', 'is', null)
    .execute();
  const known = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !known.has(name));
}

/** @throws MusterError ThingNotFound */
export async function requireThing(db: Queryable, name: string): Promise<ThingRow> {
  const row = await db
    .selectFrom('things')
    .selectAll()
    .where('name', '=', name)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
  if (!row) throw thingNotFound(name);
  return row;
}

export async function isThing(db: Queryable, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('things')
    .select('name')
    .where('name', '=', name)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

function thingNotFound(name: string): MusterError {
  return new MusterError('ThingNotFound', `There is no thing "${name}".`);
}

async function requireFreeClientId(trx: Transaction<Database>, mqttClientId: string): Promise<void> {
  const taken = await trx
    .selectFrom('things')
    .select('name')
    .where('mqttClientId', '=', mqttClientId)
    .executeTakeFirst();
  if (taken || isOwn(mqttClientId)) throw asError(clientIdTaken(mqttClientId));
}

async function requireType(trx: Transaction<Database>, name: string): Promise<void> {
  const type = await trx.selectFrom('thing_types').select('name').where('name', '=', name).executeTakeFirst();
  if (!type) throw asError(unknownType(name));
}

function asError({ code, detail }: Refusal): MusterError {
  return new MusterError(code, detail);
}

async function setPasswordHash(
  db: Queryable,
  name: string,
  passwordHash: string | null,
  now: number,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('things')
    .set({ passwordHash, lastUpdatedAt: now })
    .where('name', '=', name)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw thingNotFound(name);
}

async function withTags(db: Queryable, rows: readonly ThingRow[]): Promise<Thing[]> {
  if (rows.length === 0) return [];
  const tagRows = await db
    .selectFrom('thing_tags')
    .selectAll()
    .where(
      'thingName',
      'in',
      rows.map(({ name }) => name),
    )
    .orderBy('thingName')
    .orderBy('tag')
    .execute();
  const tags = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
  for (const { thingName, tag } of tagRows) tags.get(thingName)?.push(tag);
  return rows.map((row) => ({
    name: row.name,
    mqttClientId: row.mqttClientId,
    thingTypeName: row.thingTypeName,
    tags: tags.get(row.name) ?? [],
    attributes: JSON.parse(row.attributesJson) as Record<string, string>,
    connection: row.connected === null ? null : { connected: row.connected === 1, at: row.connectionAt! },
    createdAt: row.createdAt,
    lastUpdatedAt: row.lastUpdatedAt,
  }));
}

function uniqueSorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
