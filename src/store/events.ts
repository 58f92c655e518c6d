/**
 * What happened, kept for those who listen. Events are appended in the transaction in which they happen, so that
 * nobody hears of what was rolled back and nobody misses what was committed.
 */
import { sql, type Insertable } from 'kysely';
import { BEGINNING, isNotable, type EventType, type Position } from '../domain/events';
import { isPostgres, type Db, type Queryable } from './database';
import type { EventsTable } from './schema';

export interface NewEvent {
  type: EventType;
  at: number;
  jobId?: string;
  thingName?: string;
  /** What is to be said besides. */
  data?: Record<string, unknown>;
}

export interface Event extends Position {
  type: EventType;
  at: number;
  jobId: string | null;
  thingName: string | null;
  /** All of it, as clients get it. */
  data: Record<string, unknown>;
}

/** How many events are kept: on a busy fleet some minutes of everything, on a quiet one months. */
const KEPT = 200_000;
/** Who is further behind reads everything anew, which is less. */
const MAX_BEHIND = 20_000;
const SWEPT_AT_ONCE = 1_000;
/** SQLite takes 32,766 parameters in a statement. */
const APPENDED_AT_ONCE = 1_000;

export async function appendEvents(tx: Queryable, events: readonly NewEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += APPENDED_AT_ONCE) {
    await tx
      .insertInto('events')
      .values(events.slice(from, from + APPENDED_AT_ONCE).map(toRow))
      .execute();
  }
}

function toRow({ type, at, jobId, thingName, data = {} }: NewEvent): Insertable<EventsTable> {
  const notable = isNotable(type, data.to) ? 1 : 0;
  return {
    type,
    at,
    jobId: jobId ?? null,
    thingName: thingName ?? null,
    dataJson: JSON.stringify(data),
    notable,
  };
}

/** In order. What is not settled yet comes with a later call. */
export async function eventsAfter(db: Queryable, position: Position, limit: number): Promise<Event[]> {
  const rows = await settled(db)
    .selectAll()
    .where((eb) => eb(eb.refTuple('tx', 'seq'), '>', eb.tuple(position.tx, position.seq)))
    .orderBy('tx')
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}

/** Of jobs, and of executions that went wrong; latest first. */
export async function latestNotableEvents(db: Queryable, limit: number): Promise<Event[]> {
  const rows = await settled(db)
    .selectAll()
    // A literal, or SQLite could not use the partial index.
    .where(sql.ref('notable'), '=', sql`1`)
    .orderBy('tx', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}

/** Of the latest event, whatever comes after it is still to be read. */
export async function latestPosition(db: Queryable): Promise<Position> {
  const latest = await settled(db)
    .select(['tx', 'seq'])
    .orderBy('tx', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return latest ?? BEGINNING;
}

/** Jobs of which an execution has changed after `from`, up to `to`. */
export async function jobsWithChanges(db: Queryable, from: Position, to: Position): Promise<string[]> {
  const rows = await db
    .selectFrom('events')
    .select('jobId')
    .distinct()
    .where((eb) => eb(eb.refTuple('tx', 'seq'), '>', eb.tuple(from.tx, from.seq)))
    .where((eb) => eb(eb.refTuple('tx', 'seq'), '<=', eb.tuple(to.tx, to.seq)))
    .where('type', '=', 'execution.changed')
    .execute();
  return rows.map(({ jobId }) => jobId!);
}

/** @returns why nobody can go on from there without missing something, or undefined where it is possible */
export async function resumptionFault(db: Queryable, position: Position): Promise<string | undefined> {
  if (!(await isKept(db, position))) return 'Last-Event-ID is unknown, or no longer kept.';
  const tooMany = await db
    .selectFrom('events')
    .select('seq')
    .where((eb) => eb(eb.refTuple('tx', 'seq'), '>', eb.tuple(position.tx, position.seq)))
    .orderBy('tx')
    .orderBy('seq')
    .limit(1)
    .offset(MAX_BEHIND)
    .executeTakeFirst();
  return tooMany && `More than ${MAX_BEHIND.toLocaleString('en')} events have been missed.`;
}

/** The event itself is there; what comes before the first one is there as long as the first one is. */
async function isKept(db: Queryable, { tx, seq }: Position): Promise<boolean> {
  if (seq > 0) {
    const row = await db.selectFrom('events').select('tx').where('seq', '=', seq).executeTakeFirst();
    return row?.tx === tx;
  }
  const first = await db.selectFrom('events').select('seq').orderBy('seq').limit(1).executeTakeFirst();
  return tx === 0 && (first === undefined || first.seq === 1);
}

/** Keeps the latest events and deletes the others, in small steps that hold up nobody. */
export async function sweepEvents(db: Db, kept = KEPT): Promise<void> {
  const ends = await db
    .selectFrom('events')
    .select(({ fn }) => [fn.min('seq').as('first'), fn.max('seq').as('last')])
    .executeTakeFirstOrThrow();
  const [first, last] = [Number(ends.first ?? 0), Number(ends.last ?? 0)];
  for (let from = first; from <= last - kept; from += SWEPT_AT_ONCE) {
    const to = Math.min(from + SWEPT_AT_ONCE - 1, last - kept);
    await db.deleteFrom('events').where('seq', '<=', to).execute();
  }
}

/**
 * Where transactions run side by side, one that began earlier may commit later: what is read is behind all that are
 * still open, so that nothing comes to stand before what was read already.
 */
function settled(db: Queryable) {
  const events = db.selectFrom('events');
  if (!isPostgres(db)) return events;
  return events.where(
    sql.ref<number>('tx'),
    '<',
    sql<number>`pg_snapshot_xmin(pg_current_snapshot())::text::bigint`,
  );
}

function toEvent(row: Omit<EventsTable, 'tx' | 'seq'> & Position): Event {
  const { tx, seq, type, at, jobId, thingName, dataJson } = row;
  const data = {
    ...(jobId !== null && { jobId }),
    ...(thingName !== null && { thingName }),
    ...(JSON.parse(dataJson) as Record<string, unknown>),
    at: new Date(at).toISOString(),
  };
  return { tx, seq, type, at, jobId, thingName, data };
}
