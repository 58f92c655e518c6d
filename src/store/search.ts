/** Finding things, jobs, groups and types by any part of their names. */
import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import { foldName } from '../domain/search';
import { isPostgres, type Queryable } from './database';
import { endOfPrefix, NAME_KEY, readCursor, toPage, type Page, type PageRequest } from './paging';
import type { Database } from './schema';

/** Rows that SQLite looks at in one query; it takes some milliseconds, in which nothing else runs. */
export const ROWS_PER_SLICE = 2_000;
/** Names that the index of parts tells at most; what more names hold is soon found in their order. */
const NAMES_LOOKED_UP = 1_000;
/** The index knows three characters or more. */
const SHORTEST_LOOKED_UP = 3;

/** @param folded a name as `foldName` makes it; names of things are ASCII, so `lower` makes them so */
export function holds(folded: RawBuilder<unknown>, part: string): RawBuilder<boolean> {
  const pattern = `%${foldName(part).replace(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`${folded} like ${pattern} escape '\\'`;
}

/** A part of a list: what comes behind `after`, up to and with `end`. */
export interface Range<K> {
  after?: K;
  end?: K;
}

/**
 * Reads what matches in the order of a list, until enough rows are found or there are no more. SQLite does so in slices
 * of ROWS_PER_SLICE, between which others get their turn; PostgreSQL in one query.
 * @param keys all keys of the list behind `after`, in its order
 */
export async function readInSlices<K, R>(
  db: Queryable,
  { after, limit }: { after: K | undefined; limit: number },
  keys: (range: Range<K>) => SelectQueryBuilder<never, never, K>,
  read: (range: Range<K>, limit: number) => Promise<R[]>,
): Promise<R[]> {
  if (isPostgres(db)) return read({ after }, limit);
  const rows: R[] = [];
  for (let from = after; ;) {
    const last = await keys({ after: from })
      .offset(ROWS_PER_SLICE - 1)
      .limit(1)
      .execute();
    const end = last[0] as K | undefined;
    rows.push(...(await read({ after: from, end }, limit - rows.length)));
    if (end === undefined || rows.length === limit) return rows;
    from = end;
  }
}

/**
 * The names of all things that hold the part, from the index of parts.
 * @returns undefined where it is too short for the index, where more than NAMES_LOOKED_UP hold it, and on PostgreSQL,
 *   which looks into its index by itself
 */
export async function namesHolding(db: Queryable, part: string): Promise<string[] | undefined> {
  const folded = foldName(part);
  if (isPostgres(db) || [...folded].length < SHORTEST_LOOKED_UP) return undefined;
  const phrase = `"${folded.replaceAll('"', '""')}"`;
  const { rows } = await sql<{ marked: string }>`
    select marked from thing_name_parts where marked match ${phrase} limit ${sql.lit(NAMES_LOOKED_UP + 1)}`.execute(
    db,
  );
  // Marked at both ends.
  return rows.length > NAMES_LOOKED_UP ? undefined : rows.map(({ marked }) => marked.slice(1, -1));
}

export interface NameFilter {
  /** What the name begins with, exactly. */
  namePrefix?: string;
  /** What the name holds, in upper or lower case. */
  search?: string;
}

/** A page of a table of some thousand rows, by name. */
export async function listByName<T extends 'thing_groups' | 'thing_types'>(
  db: Queryable,
  table: T,
  { namePrefix, search }: NameFilter,
  page: PageRequest,
): Promise<Page<Database[T]>> {
  const after = readCursor(page.cursor, NAME_KEY);
  // One type for both tables: the columns asked for here are the same.
  let query = db.selectFrom(table as 'thing_groups').selectAll();
  if (namePrefix) query = query.where('name', '>=', namePrefix).where('name', '<', endOfPrefix(namePrefix));
  if (search) query = query.where(holds(sql.ref('foldedName'), search));
  if (after) query = query.where('name', '>', after[0]);
  const rows = await query
    .orderBy('name')
    .limit(page.limit + 1)
    .execute();
  return toPage(rows as unknown as Database[T][], page.limit, ({ name }) => [name]);
}
