/** Who calls, and what they may do. */
import { ipKeyGenerator, MemoryStore, type Options } from 'express-rate-limit';
import type { Request, RequestHandler } from 'express';
import { MusterError } from '../contract/errors';
import { findApiKeyRow, toApiKey, type Permission } from '../store/api-keys';
import type { Db } from '../store/database';
import { matchesSlowHash, sha256, slowHash } from '../store/secrets';
import { verifyDevice } from '../store/things';

export type Caller =
  { kind: 'key'; key: string; permissions: Permission[] } | { kind: 'thing'; thingName: string };

interface Credentials {
  user: string;
  secret: string;
}

declare module 'express-serve-static-core' {
  interface Locals {
    caller?: Caller;
  }
}

/** Failed attempts from one address in a minute; each costs some 50 ms of a core. */
const MAX_FAILURES = 100;
const FAILURE_WINDOW_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/** As it stands in the record of what was done. */
export function actor(caller: Caller): string {
  return caller.kind === 'key' ? `key:${caller.key}` : `thing:${caller.thingName}`;
}

/**
 * Lets in who has an API key that permits the call, or, on paths for things, the credentials of a thing.
 * @param isForThings whether a thing's own credentials are good for the call
 */
export function authenticate(db: Db, isForThings: (req: Request) => boolean): RequestHandler {
  const verifyKey = createKeyVerifier(db);
  const throttle = createThrottle();

  return async (req, res, next) => {
    const credentials = readCredentials(req);
    const caller =
      (isForThings(req) ? await thingOf(db, credentials) : undefined) ??
      (await keyOf(credentials, () => throttle.check(req)));
    if (!caller) {
      await throttle.count(req);
      throw unauthenticated('The credentials are wrong or revoked.');
    }
    if (caller.kind === 'key' && !permits(caller.permissions, req.method, pathOf(req))) {
      throw new MusterError('Forbidden', `This API key does not permit ${req.method} ${pathOf(req)}.`);
    }
    res.locals.caller = caller;
    next();
  };

  async function keyOf(
    { user, secret }: Credentials,
    beforeSlowWork: () => Promise<void>,
  ): Promise<Caller | undefined> {
    const permissions = await verifyKey(user, secret, beforeSlowWork);
    return permissions && { kind: 'key', key: user, permissions };
  }
}

/** @throws MusterError Forbidden where a thing speaks for another one */
export function requireSpeaksFor(caller: Caller, thingName: string): void {
  if (caller.kind === 'key' || caller.thingName === thingName) return;
  throw new MusterError(
    'Forbidden',
    `These are the credentials of "${caller.thingName}", not of "${thingName}".`,
  );
}

/** A prefix ends at a boundary between segments of the path. */
export function permits(permissions: readonly Permission[], method: string, path: string): boolean {
  const asked = method === 'HEAD' ? 'GET' : method;
  return permissions.some(({ methods, pathPrefix }) => {
    const root = pathPrefix.replace(/\/+$/, '');
    return (
      methods.some((one) => one === '*' || one === asked) && (path === root || path.startsWith(`${root}/`))
    );
  });
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

/**
 * Checks a secret against the stored slow hash, and remembers those that were good. The row is read each time, so
 * that a revoked key ends at once; unknown, wrong and revoked ones take the same path.
 */
function createKeyVerifier(db: Db) {
  /** By user, secret and stored hash. Who asks while a check is under way waits for that one. */
  const checks = new Map<string, Promise<boolean>>();
  const hashOfNobody = slowHash('nobody');

  return async (user: string, secret: string, beforeSlowWork: () => Promise<void>) => {
    const row = await findApiKeyRow(db, user);
    const stored = row?.secretHash ?? (await hashOfNobody);
    const fingerprint = sha256(JSON.stringify([user, secret, stored]));
    if (!checks.has(fingerprint)) await beforeSlowWork();
    const check = checks.get(fingerprint) ?? remember(fingerprint, matchesSlowHash(secret, stored));
    if ((await check) && row) return toApiKey(row).permissions;
    checks.delete(fingerprint);
    return undefined;
  };

  function remember(fingerprint: string, check: Promise<boolean>): Promise<boolean> {
    if (checks.size >= MAX_REMEMBERED) checks.delete(checks.keys().next().value!);
    checks.set(fingerprint, check);
    return check;
  }
}

/** Counts failures only: any number of good requests may be under way at once. */
function createThrottle() {
  const failures = new MemoryStore();
  failures.init({ windowMs: FAILURE_WINDOW_MS } as Options);
  const source = (req: Request) => ipKeyGenerator(req.ip ?? 'unknown');

  return {
    async check(req: Request): Promise<void> {
      const seen = await failures.get(source(req));
      if (!seen || seen.totalHits < MAX_FAILURES) return;
      const seconds = Math.ceil(((seen.resetTime?.getTime() ?? Date.now()) - Date.now()) / 1000);
      req.res?.set('Retry-After', String(Math.max(1, seconds)));
      throw new MusterError(
        'RequestThrottled',
        'Too many failed attempts to authenticate; wait and check the key.',
      );
    },
    async count(req: Request): Promise<void> {
      await failures.increment(source(req));
    },
  };
}

function pathOf(req: Request): string {
  return req.baseUrl + req.path;
}

function unauthenticated(detail: string): MusterError {
  return new MusterError('Unauthenticated', detail);
}
