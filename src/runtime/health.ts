import { withDeadline } from './deadline';
import { keptFor } from './kept';

const CHECK_LIMIT_MS = 2_000;
/** Anybody may ask, as often as they like. */
const KEPT_MS = 2_000;

/** What a process needs in order to do its part, and whether it has it. */
export interface Readiness {
  ready: boolean;
  /** By part: `ok`, or what is wrong with it. */
  checks: Record<string, string>;
}

/** By part; false and a failure mean that it can't be used, and a text says why. */
export type Checks = Record<string, () => unknown>;

/**
 * @returns a check of every part that `checks` has by then, each with a limit of 2 s; it never throws. What it finds
 *   counts for 2 s
 */
export function createReadinessCheck(checks: Checks): () => Promise<Readiness> {
  return keptFor(KEPT_MS, async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([part, ask]) => [part, await check(ask)] as const),
    );
    return {
      ready: results.every(([, result]) => result === 'ok'),
      checks: Object.fromEntries(results),
    };
  });
}

async function check(ask: () => unknown): Promise<string> {
  try {
    const answer = await withDeadline(Promise.resolve().then(ask), CHECK_LIMIT_MS, 'the check');
    if (typeof answer === 'string') return answer;
    return answer === false ? 'failed' : 'ok';
  } catch {
    return 'failed';
  }
}
