/** Making and checking secrets. Only hashes are stored. */
import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { MusterError } from '../contract/errors';
import { createTurns } from './turns';

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
/**
 * A hash holds one of the four threads of libuv, by which files are read and the sessions of things are written: two
 * are left to those.
 */
const HASHES_AT_ONCE = 2;
/** Some 2.5 s of work. */
const HASHES_WAITING = 100;
const RETRY_AFTER_SECONDS = 3;
const inTurn = createTurns({ atOnce: HASHES_AT_ONCE, waiting: HASHES_WAITING, tooMany });
const HASH_BYTES = 32;
/** About 50 ms and 16 MiB; the numbers are kept with each hash, so that they can be raised. */
const COST = { N: 16_384, r: 8, p: 1 };

/** 256 random bits as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** In hex; enough for secrets of 256 random bits, which nobody can guess through. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Takes as long for any two texts of the same length. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** `scrypt$N$r$p$salt$hash`: for secrets that a person may have chosen. @throws MusterError RequestThrottled */
export async function slowHash(secret: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await inTurn(() => scryptAsync(secret, salt, HASH_BYTES, COST));
  const { N, r, p } = COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** @throws MusterError RequestThrottled where too many hashes are being computed */
export async function matchesSlowHash(secret: string, stored: string): Promise<boolean> {
  const [, N, r, p, salt = '', hash = ''] = stored.split('$');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const computed = await inTurn(() => scryptAsync(secret, Buffer.from(salt, 'base64url'), HASH_BYTES, cost));
  return sameHash(computed.toString('base64url'), hash);
}

function tooMany(): MusterError {
  return new MusterError(
    'RequestThrottled',
    `Too many secrets are being checked or made at once; try again in ${RETRY_AFTER_SECONDS} s.`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}
