import fc from 'fast-check';
import { targetDifference, type MembershipChange } from './targets';

const GROUPS = ['g1', 'g2'];
const THINGS = ['a', 'b', 'c'];

type Step = { thing: string; group: string };

/** Toggles membership step by step, and keeps who was ever out of all groups. */
function simulate(initial: Step[], steps: Step[]) {
  const members = new Set(initial.map(({ thing, group }) => `${thing}/${group}`));
  const groupsOf = (thing: string) => GROUPS.filter((group) => members.has(`${thing}/${group}`)).length;
  const targeted = new Map(THINGS.map((thing) => [thing, groupsOf(thing) > 0]));
  const left = new Set<string>();
  const changes: MembershipChange[] = steps.map(({ thing, group }) => {
    const key = `${thing}/${group}`;
    const change = members.has(key) ? ('LEFT' as const) : ('JOINED' as const);
    if (change === 'LEFT') members.delete(key);
    else members.add(key);
    if (groupsOf(thing) === 0) left.add(thing);
    return { thingName: thing, change };
  });
  const touched = new Set(changes.map(({ thingName }) => thingName));
  const membership = new Map(
    [...touched].map((thing) => [
      thing,
      { groups: groupsOf(thing), targeted: targeted.get(thing) ?? false, explicit: false },
    ]),
  );
  return { changes, membership, targeted, left, groupsOf, touched };
}

const step = fc.record({ thing: fc.constantFrom(...THINGS), group: fc.constantFrom(...GROUPS) });

describe('target differences of a continuous job', () => {
  it('removes who was out of all groups at some time, launches who is in at the end and was not all along', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), fc.array(step, { maxLength: 12 }), (initial, steps) => {
        const world = simulate(initial, steps);
        const { remove, launch } = targetDifference(world.changes, world.membership);
        for (const thing of world.touched) {
          const was = world.targeted.get(thing) ?? false;
          const isIn = world.groupsOf(thing) > 0;
          expect(remove.includes(thing)).toBe(was && world.left.has(thing));
          expect(launch.includes(thing)).toBe(isIn && (!was || world.left.has(thing)));
        }
      }),
    );
  });

  it('leaves alone what the job itself names', () => {
    const membership = new Map([['a', { groups: 0, targeted: true, explicit: true }]]);
    expect(targetDifference([{ thingName: 'a', change: 'LEFT' }], membership)).toEqual({
      remove: [],
      launch: [],
    });
  });
});
