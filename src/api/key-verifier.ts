/** Checks the secrets of API keys. Their hashes are slow, so that few are computed, and each attempt is counted before. */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { MusterError } from '../contract/errors';
import { findApiKeyRow } from '../store/api-keys';
import type { Db } from '../store/database';
import type { ApiKeyRow } from '../store/schema';
import { matchesSlowHash, slowHash } from '../store/secrets';

/** Failed attempts from one source in a minute, those under way among them; each costs some 50 ms of a core. */
const MAX_FAILURES = 100;
const FAILURE_WINDOW_MS = 60_000;
/** Attempts of one source that are under way at once: it leaves room in the queue for others. */
const MAX_ATTEMPTS_AT_ONCE = 20;
const RETRY_SOON_SECONDS = 1;
const MAX_SOURCES = 10_000;

const MAX_KEYS_REMEMBERED = 1_000;
const REMEMBERED_MS = 60 * 60_000;

/**
 * @param source what failed attempts are counted by
 * @returns undefined for wrong, unknown and revoked ones
 * @throws MusterError RequestThrottled
 */
export type VerifyKey = (
  source: string,
  credentials: { apiKey: string; apiSecret: string },
) => Promise<ApiKeyRow | undefined>;

/**
 * A secret that was good is good again without a slow hash, and without waiting for those of others. The row is read
 * each time, so that a revoked key ends at once; unknown, wrong and revoked ones take the same path.
 */
export function createKeyVerifier(db: Db): VerifyKey {
  /** By API key. Digests tell nothing without the key of this process, and change with the stored hash. */
  const remembered = new LRUCache<string, string>({ max: MAX_KEYS_REMEMBERED, ttl: REMEMBERED_MS });
  /** By digest. */
  const underWay = new Map<string, Promise<boolean>>();
  const keyOfDigests = randomBytes(32);
  const hashOfNobody = slowHash('nobody');
  const throttle = createThrottle();

  return async (source, { apiKey, apiSecret }) => {
    const row = await findApiKeyRow(db, apiKey);
    if (!row) remembered.delete(apiKey);
    const stored = row?.secretHash ?? (await hashOfNobody);
    const digest = digestOf([apiKey, apiSecret, stored]);
    if (row && remembered.get(apiKey) === digest) return row;
    const isRight = await check(source, digest, () => matchesSlowHash(apiSecret, stored));
    if (!isRight || !row) return undefined;
    remembered.set(apiKey, digest);
    return row;
  };

  /** One hash for all who ask the same at the same time. */
  async function check(source: string, digest: string, matches: () => Promise<boolean>): Promise<boolean> {
    const joined = underWay.get(digest);
    if (!joined) return throttle.attempt(source, () => whileUnderWay(digest, matches()));
    const isRight = await joined;
    if (!isRight) throttle.countFailure(source);
    return isRight;
  }

  function whileUnderWay(digest: string, matching: Promise<boolean>): Promise<boolean> {
    const ended = matching.finally(() => underWay.delete(digest));
    underWay.set(digest, ended);
    return ended;
  }

  function digestOf(parts: string[]): string {
    return createHmac('sha256', keyOfDigests).update(JSON.stringify(parts)).digest('base64');
  }
}

/** Any number of good attempts may be made; of those that may fail, no more are begun than may fail. */
function createThrottle() {
  /** Forgotten a minute after the first attempt, and the longest unused one where there are too many. */
  const sources = new LRUCache<string, { failed: number; underWay: number }>({
    max: MAX_SOURCES,
    ttl: FAILURE_WINDOW_MS,
  });

  return {
    /** @throws MusterError RequestThrottled, and does not begin */
    async attempt(source: string, isRight: () => Promise<boolean>): Promise<boolean> {
      const attempts = attemptsOf(source);
      if (attempts.failed + attempts.underWay >= MAX_FAILURES) throw throttled(secondsLeft(source));
      if (attempts.underWay >= MAX_ATTEMPTS_AT_ONCE) throw throttled(RETRY_SOON_SECONDS);
      attempts.underWay += 1;
      try {
        const right = await isRight();
        if (!right) attempts.failed += 1;
        return right;
      } finally {
        attempts.underWay -= 1;
      }
    },

    /** One that cost nothing. @throws MusterError RequestThrottled where it is one too many */
    countFailure(source: string): void {
      const attempts = attemptsOf(source);
      if (attempts.failed >= MAX_FAILURES) throw throttled(secondsLeft(source));
      attempts.failed += 1;
    },
  };

  function attemptsOf(source: string) {
    const known = sources.get(source);
    if (known) return known;
    const attempts = { failed: 0, underWay: 0 };
    sources.set(source, attempts);
    return attempts;
  }

  function secondsLeft(source: string): number {
    return Math.max(1, Math.ceil(sources.getRemainingTTL(source) / 1000));
  }
}

function throttled(retryAfterSeconds: number): MusterError {
  return new MusterError(
    'RequestThrottled',
    `Too many attempts to authenticate; wait ${retryAfterSeconds} s and check the key.`,
    { retryAfterSeconds },
  );
}
