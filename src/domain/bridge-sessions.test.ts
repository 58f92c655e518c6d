import fc from 'fast-check';
import {
  memberName,
  parseSessionName,
  planSessions,
  serves,
  sessionName,
  type BridgeSession,
  type Generation,
  type Lease,
} from './bridge-sessions';

const TTL = 6;
const generation = (of: number): Generation => ({ sharing: 'SHARED', of });

/** The store and its processes in short: each turn of a process renews, plans and does what it planned. */
function world() {
  const leases = new Map<string, Lease>();
  const holds = (name: string, holder: string, now: number) =>
    leases.set(name, { name, holder, expiresAt: now + TTL });
  return {
    leases,
    heldBy: (holder: string, now: number) =>
      [...leases.values()].filter(
        (lease) => lease.holder === holder && lease.expiresAt > now && parseSessionName(lease.name),
      ).length,
    turn(me: string, of: Generation, now: number): void {
      for (const lease of leases.values()) if (lease.holder === me) lease.expiresAt = now + TTL;
      holds(memberName(of, me), me, now);
      const { take, giveBack, retire } = planSessions([...leases.values()], me, of, now);
      for (const session of take) holds(sessionName(session), me, now);
      for (const session of giveBack)
        leases.set(sessionName(session), { name: sessionName(session), holder: '', expiresAt: 0 });
      if (retire) leases.delete(sessionName(retire));
    },
  };
}

test('names are read back', () => {
  const session: BridgeSession = { sharing: 'SPLIT', index: 3, of: 8 };
  expect(sessionName(session)).toBe('muster-bridge-split-3-of-8');
  expect(parseSessionName(sessionName(session))).toEqual(session);
  expect(parseSessionName(memberName(session, 'a'))).toBeUndefined();
});

test('whoever comes and goes, all sessions are soon served, and by fair shares', () => {
  const changes = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(changes, fc.integer({ min: 1, max: 16 }), (phases, of) => {
      const { turn, heldBy } = world();
      let now = 0;
      for (const alive of phases) {
        // Whoever is not among them is dead: its leases run out.
        for (const end = now + 3 * TTL; now < end; now++)
          for (const me of alive) turn(me, generation(of), now);
        const shares = alive.map((me) => heldBy(me, now - 1));
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(of);
        expect(Math.max(...shares)).toBeLessThanOrEqual(Math.ceil(of / alive.length));
      }
    }),
  );
});

test('a session has one holder: what is held by another is never taken', () => {
  const leases = [
    { name: memberName(generation(2), 'a'), holder: 'a', expiresAt: 10 },
    { name: 'muster-bridge-shared-0-of-2', holder: 'b', expiresAt: 10 },
  ];
  const { take } = planSessions(leases, 'a', generation(2), 5);
  expect(take.map(({ index }) => index)).toEqual([1]);
});

test('sessions of another generation are ended once nobody works for it', () => {
  const old = generation(4);
  const { leases, turn } = world();
  turn('old', old, 0);
  for (let now = 1; now < TTL; now++) turn('new', generation(2), now);
  expect([...leases.keys()]).toContain('muster-bridge-shared-3-of-4');
  for (let now = TTL; now < TTL + 4; now++) turn('new', generation(2), now);
  expect([...leases.keys()].map(parseSessionName).filter((session) => session?.of === 4)).toEqual([]);
});

test('where things are split, each has exactly one session', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 64 }), (thingName, of) => {
      const sessions = Array.from({ length: of }, (_, index) => ({ sharing: 'SPLIT' as const, index, of }));
      expect(sessions.filter((session) => serves(session, thingName))).toHaveLength(1);
    }),
  );
});
