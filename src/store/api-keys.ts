/** API keys: who may call the REST API, and what. */
import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { MusterError } from '../contract/errors';
import type { permission } from '../contract/rest';
import type { Db, Queryable } from './database';
import { NAME_KEY, readCursor, toPage, type Page, type PageRequest } from './paging';
import type { ApiKeyRow } from './schema';
import { matchesSlowHash, newSecret, slowHash } from './secrets';
import { endSessionsOf } from './sessions';
import { inTransaction } from './transaction';

type Permission = z.output<typeof permission>;

export interface ApiKey {
  apiKey: string;
  name: string | null;
  permissions: Permission[];
  createdAt: number;
}

export interface ApiKeyWithSecret extends ApiKey {
  apiSecret: string;
}

const EVERYTHING: Permission[] = [{ methods: ['*'], pathPrefix: '/' }];

export async function createApiKey(
  db: Queryable,
  { name = null, permissions }: { name?: string | null; permissions: Permission[] },
  now: number,
): Promise<ApiKeyWithSecret> {
  const apiKey = `mk_${randomBytes(12).toString('base64url')}`;
  const apiSecret = newSecret();
  await db
    .insertInto('api_keys')
    .values({
      apiKey,
      name,
      secretHash: await slowHash(apiSecret),
      permissionsJson: JSON.stringify(permissions),
      createdAt: now,
    })
    .execute();
  return { apiKey, apiSecret, name, permissions, createdAt: now };
}

/** By key; revoked ones are gone. */
export async function listApiKeys(db: Queryable, page: PageRequest): Promise<Page<ApiKey>> {
  const after = readCursor(page.cursor, NAME_KEY);
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .where('revokedAt', 'is', null)
    .$if(after !== undefined, (query) => query.where('apiKey', '>', after![0]))
    .orderBy('apiKey')
    .limit(page.limit + 1)
    .execute();
  const { items, nextCursor } = toPage(rows, page.limit, (row) => [row.apiKey]);
  return { items: items.map(toApiKey), nextCursor };
}

/** Counts from the next request on, also for who has signed in with it. @throws MusterError ApiKeyNotFound */
export async function revokeApiKey(db: Db, key: string, now: number): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('api_keys')
      .set({ revokedAt: now })
      .where('apiKey', '=', key)
      .where('revokedAt', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw keyNotFound(key);
    await endSessionsOf(trx, key);
  });
}

/** A key that is not revoked. @throws MusterError ApiKeyNotFound */
export async function findApiKey(db: Queryable, key: string): Promise<ApiKey> {
  const row = await findApiKeyRow(db, key);
  if (!row) throw keyNotFound(key);
  return toApiKey(row);
}

function keyNotFound(key: string): MusterError {
  return new MusterError('ApiKeyNotFound', `There is no API key "${key}".`);
}

/** The row of a key that is not revoked. */
export async function findApiKeyRow(db: Queryable, key: string): Promise<ApiKeyRow | undefined> {
  return db
    .selectFrom('api_keys')
    .selectAll()
    .where('apiKey', '=', key)
    .where('revokedAt', 'is', null)
    .executeTakeFirst();
}

export function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    apiKey: row.apiKey,
    name: row.name,
    permissions: JSON.parse(row.permissionsJson) as Permission[],
    createdAt: row.createdAt,
  };
}

/**
 * Sees to it that somebody may do everything.
 * @param given this key has this secret and all permissions afterwards, revoked or not before
 * @returns a key that was made up because there was none at all, to be shown once
 */
export async function ensureAdminKey(
  db: Db,
  given: { apiKey: string; apiSecret: string } | undefined,
  now = Date.now(),
): Promise<ApiKeyWithSecret | undefined> {
  if (given) {
    await putAdminKey(db, given, now);
    return undefined;
  }
  // Of several processes that start at once, one makes the key.
  const makeFirst = async (tx: Queryable) => {
    const some = tx.selectFrom('api_keys').select('apiKey').where('revokedAt', 'is', null).limit(1);
    if (await some.executeTakeFirst()) return undefined;
    return createApiKey(tx, { name: 'administrator', permissions: EVERYTHING }, now);
  };
  return inTransaction(db, makeFirst, 'serializable');
}

async function putAdminKey(db: Db, given: { apiKey: string; apiSecret: string }, now: number): Promise<void> {
  const row = await findApiKeyRow(db, given.apiKey);
  // Whoever signed in with another secret is out.
  if (!row || !(await matchesSlowHash(given.apiSecret, row.secretHash)))
    await endSessionsOf(db, given.apiKey);
  const values = {
    secretHash: await slowHash(given.apiSecret),
    permissionsJson: JSON.stringify(EVERYTHING),
    revokedAt: null,
  };
  await db
    .insertInto('api_keys')
    .values({ apiKey: given.apiKey, name: 'administrator', createdAt: now, ...values })
    .onConflict((conflict) => conflict.column('apiKey').doUpdateSet(values))
    .execute();
}
