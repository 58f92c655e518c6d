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

type Key = readonly (string | number)[];

/** No key holds others. */
const text = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u);
/** Of lists in the order of one name. */
export const NAME_KEY = z.tuple([text]);
/** Of lists in the order of one whole number, a column of 32 bits. */
export const POSITION_KEY = z.tuple([z.int32()]);
/** Of lists in the order of time, newest first; the id settles ties. */
export const TIME_KEY = z.tuple([z.int(), text]);

/** @throws MusterError InvalidRequest where the cursor is not one of this kind of list */
export function readCursor<K extends Key>(cursor: string | undefined, key: z.ZodType<K>): K | undefined {
  if (cursor === undefined) return undefined;
  const parsed = key.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  // Only as it was given out: what decodes to the same was made up.
  if (parsed.success && formatCursor(parsed.data) === cursor) return parsed.data;
  throw new MusterError('InvalidRequest', 'cursor is not one that this list has given out.', {
    errors: [{ path: 'cursor', message: 'must be the nextCursor of an earlier page of the same list' }],
  });
}

/**
 * Cuts a page out of rows of which one more was asked for than the page holds.
 * @param keyOf the values of the columns that the list is ordered by
 */
export function toPage<R>(rows: R[], limit: number, keyOf: (row: R) => Key): Page<R> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const nextCursor = rows.length > limit && last ? formatCursor(keyOf(last)) : null;
  return { items, nextCursor };
}

function formatCursor(key: Key): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
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
