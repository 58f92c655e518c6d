/** Keyset paging: a cursor is the key of the last item of a page, opaque to clients. */
import { z } from 'zod';
import { MusterError } from '../contract/errors';

export interface PageRequest {
  /** How many items at most, 1 to 250. */
  limit: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/** Of lists in the order of one name. */
export const NAME_KEY = z.tuple([z.string()]);
/** Of lists in the order of one whole number. */
export const POSITION_KEY = z.tuple([z.int()]);
/** Of lists in the order of time, newest first; the id settles ties. */
export const TIME_KEY = z.tuple([z.number(), z.string()]);

/** @throws MusterError InvalidRequest where the cursor is not one of this kind of list */
export function readCursor<K>(cursor: string | undefined, key: z.ZodType<K>): K | undefined {
  if (cursor === undefined) return undefined;
  const parsed = key.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (parsed.success) return parsed.data;
  throw new MusterError('InvalidRequest', 'cursor is not one that this list has given out.', {
    errors: [{ path: 'cursor', message: 'must be the nextCursor of an earlier page of the same list' }],
  });
}

/**
 * Cuts a page out of rows of which one more was asked for than the page holds.
 * @param keyOf the values of the columns that the list is ordered by
 */
export function toPage<R>(rows: R[], limit: number, keyOf: (row: R) => (string | number)[]): Page<R> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const nextCursor =
    rows.length > limit && last ? Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') : null;
  return { items, nextCursor };
}

/** The end of the range of all texts that begin with `prefix`, in the order of their bytes. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
