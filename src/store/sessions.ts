/** Sessions of browsers that have signed in with an API key. The cookie itself is not stored. */
import type { Db, Queryable } from './database';
import { newSecret, sha256 } from './secrets';
import { inTransaction } from './transaction';

/** Whoever signed in has to do it again after so long. */
export const SESSION_MS = 12 * 60 * 60_000;
/** Who signs in more often than this ends the oldest sessions of the key. */
const MAX_SESSIONS_PER_KEY = 100;

export interface Session {
  /** 256 random bits: what the cookie holds. */
  token: string;
  expiresAt: number;
}

export async function createSession(db: Db, apiKey: string, now: number): Promise<Session> {
  const session = { token: newSecret(), expiresAt: now + SESSION_MS };
  await inTransaction(db, async (trx) => {
    const former = trx
      .selectFrom('sessions')
      .select('tokenHash')
      .where('apiKey', '=', apiKey)
      .orderBy('createdAt', 'desc')
      .limit(MAX_SESSIONS_PER_KEY)
      .offset(MAX_SESSIONS_PER_KEY - 1);
    await trx.deleteFrom('sessions').where('tokenHash', 'in', former).execute();
    await trx
      .insertInto('sessions')
      .values({
        tokenHash: sha256(session.token),
        apiKey,
        createdAt: now,
        expiresAt: session.expiresAt,
      })
      .execute();
  });
  return session;
}

/** The key that signed in and until when it counts, or undefined where the session has ended. */
export async function findSession(
  db: Queryable,
  token: string,
  now: number,
): Promise<{ apiKey: string; expiresAt: number } | undefined> {
  return db
    .selectFrom('sessions')
    .select(['apiKey', 'expiresAt'])
    .where('tokenHash', '=', sha256(token))
    .where('expiresAt', '>', now)
    .executeTakeFirst();
}

export async function endSession(db: Queryable, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('tokenHash', '=', sha256(token)).execute();
}

export async function endSessionsOf(db: Queryable, apiKey: string): Promise<void> {
  await db.deleteFrom('sessions').where('apiKey', '=', apiKey).execute();
}

export async function sweepSessions(db: Queryable, now: number): Promise<void> {
  await db.deleteFrom('sessions').where('expiresAt', '<=', now).execute();
}
