import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { BEGINNING } from '../domain/events';
import { openStore, type Db } from './database';
import { appendEvents, eventsAfter, latestPosition, resumptionFault, sweepEvents } from './events';

let directory: string;
let db: Db;
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-events-'));
  db = await openStore({ file: path.join(directory, 'muster.db') });
});
afterEach(async () => {
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const append = (count: number) =>
  appendEvents(
    db,
    Array.from({ length: count }, (_, i) => ({
      type: 'thing.connected' as const,
      at: i,
      thingName: `t${i}`,
    })),
  );
const at = (seq: number) => ({ tx: 0, seq });

it('keeps the latest events, in order', async () => {
  await append(2_500);
  await sweepEvents(db, 1_200);
  const kept = await eventsAfter(db, BEGINNING, 5_000);
  expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_200 }, (_, i) => 1_301 + i));
  expect(await latestPosition(db)).toEqual(at(2_500));
});

it('tells from where nobody can go on', async () => {
  expect(await resumptionFault(db, BEGINNING)).toBeUndefined();
  await append(30);
  expect(await resumptionFault(db, BEGINNING)).toBeUndefined();
  expect(await resumptionFault(db, at(7))).toBeUndefined();
  expect(await resumptionFault(db, at(31))).toMatch(/unknown/);
  expect(await resumptionFault(db, { tx: 1, seq: 7 })).toMatch(/unknown/);
  await sweepEvents(db, 20);
  expect(await resumptionFault(db, BEGINNING)).toMatch(/no longer kept/);
  expect(await resumptionFault(db, at(10))).toMatch(/no longer kept/);
  expect(await resumptionFault(db, at(11))).toBeUndefined();
});

it('counts how far behind somebody is', async () => {
  await append(20_001);
  expect(await resumptionFault(db, at(1))).toBeUndefined();
  await append(1);
  expect(await resumptionFault(db, at(1))).toBe('More than 20,000 events have been missed.');
  expect(await resumptionFault(db, at(2))).toBeUndefined();
});

it('never gives a number twice, so that nobody misses what came after a sweep', async () => {
  await append(3);
  await sql`delete from events`.execute(db);
  await append(1);
  expect(await latestPosition(db)).toEqual(at(4));
});

it('reads on and the latest activity by an index', async () => {
  const planOf = async (query: string) => {
    const { rows } = await sql<{ detail: string }>`${sql.raw(`explain query plan ${query}`)}`.execute(db);
    return rows.map(({ detail }) => detail).join('\n');
  };
  const after = 'select * from events where (tx, seq) > (0, 7) order by tx, seq limit 1000';
  expect(await planOf(after)).toMatch(/^SEARCH events USING INDEX events_in_order \(.*\)$/);
  const notable = 'select * from events where notable = 1 order by tx desc, seq desc limit 20';
  expect(await planOf(notable)).toMatch(/^SCAN events USING INDEX events_notable$/);
});
