/** Who calls, and what they may do. */
import { ipKeyGenerator } from 'express-rate-limit';
import type { Request, RequestHandler } from 'express';
import { MusterError } from '../contract/errors';
import { SESSION_COOKIE, type Route } from '../contract/routes';
import { formatPermission, missingPermissions, permits, type Permission } from '../domain/permissions';
import { findApiKeyRow, toApiKey, type ApiKey } from '../store/api-keys';
import type { Db } from '../store/database';
import type { ApiKeyRow } from '../store/schema';
import { sameHash, sha256 } from '../store/secrets';
import { findSession, type Session } from '../store/sessions';
import { verifyDevice } from '../store/things';
import { createKeyVerifier } from './key-verifier';

/** Somebody with an API key, by its secret or by a session. */
export interface KeyCaller {
  kind: 'key';
  key: string;
  name: string | null;
  permissions: ApiKey['permissions'];
  /** Of the cookie, where the call came with one. */
  session?: Session;
}
export type Caller = KeyCaller | { kind: 'thing'; thingName: string };

interface Credentials {
  user: string;
  secret: string;
}

declare module 'express-serve-static-core' {
  interface Locals {
    caller?: Caller;
  }
}

/** `X-Requested-With` of the web console. */
const CONSOLE = 'muster-console';
const SESSION_IN_COOKIES = new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`);

/** As it stands in the record of what was done. */
export function actor(caller: Caller): string {
  return caller.kind === 'key' ? `key:${caller.key}` : `thing:${caller.thingName}`;
}

/** What a route says of who may call it. */
export type Admission = Pick<Route, 'access' | 'changesNothing'>;

export interface Authentication {
  /**
   * Lets in who may make the call: who has an API key that permits it or a session of such a key, and on paths for
   * things the credentials of a thing.
   * @param admissionOf who may make a call at all
   */
  admit(admissionOf: (req: Request) => Admission): RequestHandler;
  /** @throws MusterError Unauthenticated, RequestThrottled */
  signIn(req: Request, credentials: { apiKey: string; apiSecret: string }): Promise<KeyCaller>;
  /**
   * @param source what failed attempts are counted by
   * @returns undefined for wrong or revoked ones
   * @throws MusterError RequestThrottled
   */
  verifyKey(
    source: string,
    credentials: { apiKey: string; apiSecret: string },
  ): Promise<KeyCaller | undefined>;
}

export function createAuthentication(db: Db): Authentication {
  const verify = createKeyVerifier(db);

  return {
    admit: (admissionOf) => async (req, res, next) => {
      const admission = admissionOf(req);
      if (admission.access !== 'EVERYBODY') res.locals.caller = await authenticate(req, admission);
      next();
    },
    signIn: (req, { apiKey, apiSecret }) => keyOf(req, { user: apiKey, secret: apiSecret }),
    async verifyKey(source, credentials) {
      const row = await verify(source, credentials);
      return row && keyCaller(row);
    },
  };

  async function authenticate(req: Request, { access, changesNothing }: Admission): Promise<Caller> {
    const caller = await callerOf(req, access === 'THINGS');
    if (caller.kind === 'thing') return caller;
    const changes = !isRead(req.method) && !changesNothing;
    if (caller.session && changes) requireCsrfToken(req, caller.session);
    if (access !== 'ANY_KEY' && !permits(caller.permissions, req.method, pathOf(req))) {
      throw new MusterError('Forbidden', `This API key does not permit ${req.method} ${pathOf(req)}.`);
    }
    return caller;
  }

  /** What the Authorization header says counts, whatever cookie comes with it. */
  async function callerOf(req: Request, forThings: boolean): Promise<Caller> {
    const token = sessionTokenOf(req);
    if (token !== undefined && req.get('authorization') === undefined) return sessionCaller(db, token);
    const credentials = readCredentials(req);
    return (forThings && (await thingOf(db, credentials))) || keyOf(req, credentials);
  }

  async function keyOf(req: Request, { user, secret }: Credentials): Promise<KeyCaller> {
    const row = await verify(sourceOf(req), { apiKey: user, apiSecret: secret });
    if (!row) throw unauthenticated('The credentials are wrong or revoked.');
    return keyCaller(row);
  }
}

/** Whether a call that goes on, like a stream, would be let in again now. */
export async function isStillLetIn(
  db: Db,
  caller: KeyCaller,
  method: string,
  path: string,
): Promise<boolean> {
  if (caller.session && !(await findSession(db, caller.session.token, Date.now()))) return false;
  const row = await findApiKeyRow(db, caller.key);
  return row !== undefined && permits(toApiKey(row).permissions, method, path);
}

/** What a page of another site can't know, so that it can't make a browser change anything. */
export function csrfTokenOf({ token }: Session): string {
  return sha256(`csrf:${token}`);
}

/** Browsers show a dialog of their own where a 401 asks for Basic credentials. */
export function hasSignInPage(req: Request): boolean {
  return req.get('x-requested-with') === CONSOLE || sessionTokenOf(req) !== undefined;
}

function keyCaller(row: ApiKeyRow, session?: Session): KeyCaller {
  const { apiKey, name, permissions } = toApiKey(row);
  return { kind: 'key', key: apiKey, name, permissions, session };
}

async function sessionCaller(db: Db, token: string): Promise<KeyCaller> {
  const session = await findSession(db, token, Date.now());
  const row = session && (await findApiKeyRow(db, session.apiKey));
  if (!row) throw unauthenticated('The session has ended; sign in again.');
  return keyCaller(row, { token, expiresAt: session.expiresAt });
}

function sessionTokenOf(req: Request): string | undefined {
  return SESSION_IN_COOKIES.exec(req.get('cookie') ?? '')?.[1];
}

function requireCsrfToken(req: Request, session: Session): void {
  if (sameHash(req.get('x-csrf-token') ?? '', csrfTokenOf(session))) return;
  throw new MusterError(
    'CsrfTokenMissing',
    'Send the csrfToken that GET /api/v1/session tells as X-CSRF-Token.',
  );
}

/** @throws MusterError Forbidden where a thing speaks for another one */
export function requireSpeaksFor(caller: Caller, thingName: string): void {
  if (caller.kind === 'key' || caller.thingName === thingName) return;
  throw new MusterError(
    'Forbidden',
    `These are the credentials of "${caller.thingName}", not of "${thingName}".`,
  );
}

/**
 * Nobody gives or takes rights that they do not have.
 * @param rights what the call hands out or takes away
 * @param because says so in a sentence, for who is refused
 * @throws MusterError Forbidden naming what the caller lacks of them
 */
export function requireHolds(caller: Caller, rights: readonly Permission[], because: string): void {
  const missing = missingPermissions(requireKey(caller).permissions, rights).map(formatPermission);
  if (missing.length === 0) return;
  const [first, ...more] = missing;
  const lacks = more.length > 0 ? `${first} and ${more.length} more` : first;
  throw new MusterError('Forbidden', `${because} This API key lacks ${lacks}; use one that has it.`);
}

/** @throws MusterError Forbidden where a thing calls */
export function requireKey(caller: Caller): KeyCaller {
  if (caller.kind === 'key') return caller;
  throw new MusterError('Forbidden', 'This call takes an API key.');
}

function readCredentials(req: Request): Credentials {
  const header = req.get('authorization');
  if (header === undefined)
    throw unauthenticated('Give an API key: Authorization: Basic base64(key:secret).');
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=_-]{1,1024})$/i.exec(header) ?? [];
  const [, user, secret] = /^([^:]+):(.+)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  if (user === undefined || secret === undefined) {
    throw unauthenticated('The Authorization header must be: Basic base64(key:secret).');
  }
  return { user, secret };
}

async function thingOf(db: Db, { user, secret }: Credentials): Promise<Caller | undefined> {
  const device = await verifyDevice(db, user, secret);
  return device && { kind: 'thing', thingName: device.thingName };
}

const sourceOf = (req: Request) => ipKeyGenerator(req.ip ?? 'unknown');

export const isRead = (method: string | undefined) => method === 'GET' || method === 'HEAD';

function pathOf(req: Request): string {
  return req.baseUrl + req.path;
}

function unauthenticated(detail: string): MusterError {
  return new MusterError('Unauthenticated', detail);
}
