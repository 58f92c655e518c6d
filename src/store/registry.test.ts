import fc from 'fast-check';
import { describeOnEachStore } from '../../test/support/stores';
import type { Db } from './database';
import { changeMember, changeMembers, createGroup, deleteGroup, findGroup, listGroups } from './groups';
import { createThingType, deleteThingType, listThingTypes } from './thing-types';
import {
  findThing,
  finishThingDeletion,
  listThings,
  markThingDeleted,
  registerThing,
  registerThings,
  renewCredentials,
  revokeCredentials,
  thingsBeingDeleted,
  updateThing,
  verifyDevice,
  type NewThing,
} from './things';

const NOW = 1_700_000_000_000;
const PAGE = { limit: 50 };

describeOnEachStore((stores) => {
  let db: Db;
  beforeEach(async () => {
    db = await stores.open();
  });

  const thing = (name: string, rest: Partial<NewThing> = {}): NewThing => ({
    name,
    tags: [],
    attributes: {},
    ...rest,
  });
  const register = (name: string, rest: Partial<NewThing> = {}) => registerThing(db, thing(name, rest), NOW);
  const group = (name: string, tags: string[] = []) =>
    createGroup(db, { name, description: null, tags }, NOW);
  const type = (name: string) => createThingType(db, { name, description: null }, NOW);

  async function members(groupName: string): Promise<string[]> {
    return (await listThings(db, { groupName }, { limit: 250 })).items.map(({ name }) => name);
  }

  async function log(): Promise<string[]> {
    const rows = await db.selectFrom('membership_log').selectAll().orderBy('seq').execute();
    return rows.map((row) => `${row.seq} ${row.groupName} ${row.change} ${row.thingName}`);
  }

  describe('dynamic groups', () => {
    it('hold the things that carry all their tags, those registered before and after', async () => {
      await register('both', { tags: ['eu', 'pilot'] });
      await register('one', { tags: ['eu'] });
      expect(await group('eu pilots', ['pilot', 'eu', 'eu'])).toEqual(['eu pilots']);
      expect(await members('eu pilots')).toEqual(['both']);

      const { touchedGroups } = await register('late', { tags: ['eu', 'pilot', 'spare'] });
      expect(touchedGroups).toEqual(['eu pilots']);
      expect(await members('eu pilots')).toEqual(['both', 'late']);
      expect((await findGroup(db, 'eu pilots')).tags).toEqual(['eu', 'pilot']);
    });

    it('follow changes of tags, and log each join and leave once', async () => {
      await group('eu pilots', ['eu', 'pilot']);
      await register('a', { tags: ['eu'] });
      await updateThing(db, 'a', { tags: ['eu', 'pilot'] }, NOW);
      await updateThing(db, 'a', { tags: ['pilot', 'eu', 'x'] }, NOW);
      await updateThing(db, 'a', { attributes: { k: 'v' } }, NOW);
      await updateThing(db, 'a', { tags: ['pilot'] }, NOW);
      expect(await log()).toEqual(['1 eu pilots JOINED a', '2 eu pilots LEFT a']);
      expect(await members('eu pilots')).toEqual([]);
    });

    it('log the join before the leave when a thing moves from one to the other', async () => {
      await group('blue', ['b']);
      await group('green', ['g']);
      await register('a', { tags: ['b'] });
      await updateThing(db, 'a', { tags: ['g'] }, NOW);
      expect(await log()).toEqual(['1 blue JOINED a', '2 green JOINED a', '3 blue LEFT a']);
    });

    it("can't be changed by hand", async () => {
      await register('a');
      await group('eu', ['eu']);
      await expect(changeMember(db, 'eu', 'a', 'add', NOW)).rejects.toMatchObject({
        code: 'GroupNotEditable',
      });
    });
  });

  describe('default groups of types', () => {
    it('hold all things of the type and follow changes of it', async () => {
      await type('lamp');
      await type('bulb');
      await register('a', { thingTypeName: 'lamp' });
      expect(await members('lamp (default)')).toEqual(['a']);
      const { touchedGroups } = await updateThing(db, 'a', { thingTypeName: 'bulb' }, NOW);
      expect(touchedGroups.sort()).toEqual(['bulb (default)', 'lamp (default)']);
      expect(await members('lamp (default)')).toEqual([]);
      await updateThing(db, 'a', { thingTypeName: null }, NOW);
      expect(await members('bulb (default)')).toEqual([]);
      expect((await findThing(db, 'a')).thingTypeName).toBeNull();
    });

    it('come and go with the type, which stays while things use it', async () => {
      await type('lamp');
      await register('a', { thingTypeName: 'lamp' });
      await expect(deleteThingType(db, 'lamp')).rejects.toMatchObject({ code: 'ThingTypeInUse' });
      await expect(deleteGroup(db, 'lamp (default)', NOW)).rejects.toMatchObject({
        code: 'GroupNotEditable',
      });
      await updateThing(db, 'a', { thingTypeName: null }, NOW);
      await deleteThingType(db, 'lamp');
      expect((await listGroups(db, {}, PAGE)).items).toEqual([]);
      expect((await listThingTypes(db, {}, PAGE)).items).toEqual([]);
    });

    it('find their name taken by a group of an operator', async () => {
      await group('lamp (default)');
      await expect(type('lamp')).rejects.toMatchObject({ code: 'AlreadyExists' });
      expect((await listThingTypes(db, {}, PAGE)).items).toEqual([]);
    });
  });

  describe('explicit groups', () => {
    it('change by hand; adding twice and removing strangers changes nothing', async () => {
      await register('a');
      await register('b');
      await group('pilot');
      expect(await changeMembers(db, 'pilot', { add: ['a', 'b'], remove: [] }, NOW)).toEqual(['pilot']);
      expect(await changeMembers(db, 'pilot', { add: ['a'], remove: ['stranger'] }, NOW)).toEqual([]);
      expect(await changeMember(db, 'pilot', 'a', 'remove', NOW)).toEqual(['pilot']);
      expect(await members('pilot')).toEqual(['b']);
      expect(await log()).toEqual(['1 pilot JOINED a', '2 pilot JOINED b', '3 pilot LEFT a']);
    });

    it('name every unknown thing and change nothing then', async () => {
      await register('a');
      await group('pilot');
      const change = changeMembers(db, 'pilot', { add: ['x', 'a', 'y'], remove: [] }, NOW);
      await expect(change).rejects.toMatchObject({
        code: 'UnknownThing',
        errors: [{ path: 'add.0' }, { path: 'add.2' }],
      });
      expect(await members('pilot')).toEqual([]);
    });

    it('are left by everybody when they are deleted', async () => {
      await register('a');
      await group('pilot');
      await changeMember(db, 'pilot', 'a', 'add', NOW);
      expect(await deleteGroup(db, 'pilot', NOW)).toEqual(['pilot']);
      expect(await log()).toEqual(['1 pilot JOINED a', '2 pilot LEFT a']);
      await expect(findGroup(db, 'pilot')).rejects.toMatchObject({ code: 'ThingGroupNotFound' });
      await expect(deleteGroup(db, 'pilot', NOW)).rejects.toMatchObject({ code: 'ThingGroupNotFound' });
    });
  });

  describe('registration', () => {
    it('refuses taken names and client ids and unknown types one by one', async () => {
      await register('old');
      const { created, refused } = await registerThings(
        db,
        [
          thing('old'),
          thing('new', { mqttClientId: 'shared' }),
          thing('new'),
          thing('other', { mqttClientId: 'shared' }),
          thing('typed', { thingTypeName: 'nothing' }),
          thing('old-2', { mqttClientId: 'old' }),
        ],
        NOW,
      );
      expect(created.map(({ name }) => name)).toEqual(['new']);
      expect(refused.map(({ index, code }) => [index, code])).toEqual([
        [0, 'AlreadyExists'],
        [2, 'AlreadyExists'],
        [3, 'AlreadyExists'],
        [4, 'UnknownThingType'],
        [5, 'AlreadyExists'],
      ]);
    });

    it('takes 10,000 things with tags at once', async () => {
      await group('even', ['even', 'all']);
      const things = Array.from({ length: 10_000 }, (_, i) =>
        thing(`t-${i}`, { tags: ['all', i % 2 ? 'odd' : 'even'] }),
      );
      const { created, refused, touchedGroups } = await registerThings(db, things, NOW);
      expect([created.length, refused.length]).toEqual([10_000, 0]);
      expect(touchedGroups).toEqual(['even']);
      expect((await findGroup(db, 'even')).thingCount).toBe(5_000);
      expect(await log()).toHaveLength(5_000);
    });

    it('gives the index in the call, not in the page', async () => {
      await register('taken');
      const things = Array.from({ length: 600 }, (_, i) => thing(i === 555 ? 'taken' : `t-${i}`));
      expect((await registerThings(db, things, NOW)).refused).toMatchObject([{ index: 555, name: 'taken' }]);
    });
  });

  describe('lists of things', () => {
    it('filter by prefix, tags and type, page by page', async () => {
      await type('lamp');
      await registerThings(
        db,
        ['a_1', 'a_2', 'a_3', 'aX1', 'b'].map((name) =>
          thing(name, { tags: name === 'a_2' ? ['x'] : ['x', 'y'], thingTypeName: 'lamp' }),
        ),
        NOW,
      );
      const names = async (filter: object) => (await listThings(db, filter, PAGE)).items.map((t) => t.name);
      expect(await names({ namePrefix: 'a_' })).toEqual(['a_1', 'a_2', 'a_3']);
      expect(await names({ namePrefix: '%' })).toEqual([]);
      expect(await names({ tags: ['x', 'y'], namePrefix: 'a' })).toEqual(['aX1', 'a_1', 'a_3']);
      expect(await names({ thingTypeName: 'lamp', tags: ['z'] })).toEqual([]);

      const first = await listThings(db, {}, { limit: 3 });
      expect(first.items.map((t) => t.name)).toEqual(['aX1', 'a_1', 'a_2']);
      const second = await listThings(db, {}, { limit: 3, cursor: first.nextCursor! });
      expect(second).toMatchObject({ items: [{ name: 'a_3' }, { name: 'b' }], nextCursor: null });
    });

    it.each(['x', '', 'bnVsbA', 'WzFd', 'W10'])('refuse %p as a cursor', async (cursor) => {
      await expect(listThings(db, {}, { limit: 1, cursor })).rejects.toMatchObject({
        code: 'InvalidRequest',
        errors: [{ path: 'cursor' }],
      });
    });
  });

  describe('credentials of things', () => {
    it('are the name and the password last given out', async () => {
      const { mqttCredentials } = (await register('a', { mqttClientId: 'client-a' })).thing;
      expect(mqttCredentials).toMatchObject({ clientId: 'client-a', username: 'a' });
      const first = mqttCredentials.password;
      expect(await verifyDevice(db, 'a', first)).toEqual({ thingName: 'a', mqttClientId: 'client-a' });
      expect(await verifyDevice(db, 'b', first)).toBeUndefined();

      const second = (await renewCredentials(db, 'a', NOW)).mqttCredentials.password;
      expect(await verifyDevice(db, 'a', first)).toBeUndefined();
      expect(await verifyDevice(db, 'a', second)).toBeDefined();

      await revokeCredentials(db, 'a', NOW);
      expect(await verifyDevice(db, 'a', second)).toBeUndefined();
      expect(await verifyDevice(db, 'a', '')).toBeUndefined();
    });
  });

  describe('deletion of a thing', () => {
    it('makes it invisible at once and frees its name at the end', async () => {
      await type('lamp');
      await group('eu', ['eu']);
      await group('pilot');
      const { password } = (await register('a', { tags: ['eu'], thingTypeName: 'lamp' })).thing
        .mqttCredentials;
      await changeMember(db, 'pilot', 'a', 'add', NOW);

      expect((await markThingDeleted(db, 'a', NOW)).sort()).toEqual(['eu', 'lamp (default)', 'pilot']);
      expect((await log()).slice(-3).map((line) => line.split(' ').at(-2))).toEqual(['LEFT', 'LEFT', 'LEFT']);
      await expect(findThing(db, 'a')).rejects.toMatchObject({ code: 'ThingNotFound' });
      await expect(updateThing(db, 'a', {}, NOW)).rejects.toMatchObject({ code: 'ThingNotFound' });
      await expect(changeMember(db, 'pilot', 'a', 'add', NOW)).rejects.toMatchObject({
        code: 'ThingNotFound',
      });
      expect((await listThings(db, {}, PAGE)).items).toEqual([]);
      expect(await verifyDevice(db, 'a', password)).toBeUndefined();
      await expect(register('a')).rejects.toMatchObject({ code: 'AlreadyExists' });
      await deleteThingType(db, 'lamp');

      expect(await thingsBeingDeleted(db)).toEqual(['a']);
      expect(await markThingDeleted(db, 'a', NOW)).toEqual([]);
      await finishThingDeletion(db, 'a');
      expect(await thingsBeingDeleted(db)).toEqual([]);
      await register('a');
      expect(await members('pilot')).toEqual([]);
    });

    it('leaves a thing alone that is not marked', async () => {
      await register('a');
      await finishThingDeletion(db, 'a');
      await findThing(db, 'a');
    });
  });

  describe('membership', () => {
    const names = ['t1', 't2', 't3'];
    const tags = ['x', 'y', 'z'];
    const types = ['A', 'B'];
    const someTags = fc.subarray(tags);
    const aName = fc.constantFrom(...names);
    const aType = fc.constantFrom(...types, null);
    const step = fc.oneof(
      fc.record({ do: fc.constant('register' as const), name: aName, tags: someTags, type: aType }),
      fc.record({ do: fc.constant('update' as const), name: aName, tags: someTags, type: aType }),
      fc.record({ do: fc.constant('delete' as const), name: aName }),
      fc.record({ do: fc.constant('join' as const), name: aName }),
      fc.record({ do: fc.constant('leave' as const), name: aName }),
      fc.record({ do: fc.constant('group' as const), tags: fc.subarray(tags, { minLength: 1 }) }),
    );
    const ignoringRefusals = (work: Promise<unknown>) => work.catch(() => undefined);

    it('is what tags, types and hands say, and what the log adds up to', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const store = await stores.open();
          const things = new Map<string, { tags: string[]; type: string | null }>();
          const dynamic = new Map<string, string[]>();
          const byHand = new Set<string>();
          for (const name of types) await createThingType(store, { name, description: null }, NOW);
          await createGroup(store, { name: 'hand', description: null, tags: [] }, NOW);

          for (const s of steps) {
            if (s.do === 'register') {
              await ignoringRefusals(
                registerThing(
                  store,
                  thing(s.name, { tags: s.tags, thingTypeName: s.type ?? undefined }),
                  NOW,
                ),
              );
              if (!things.has(s.name)) things.set(s.name, s);
            } else if (s.do === 'update') {
              await ignoringRefusals(
                updateThing(store, s.name, { tags: s.tags, thingTypeName: s.type }, NOW),
              );
              if (things.has(s.name)) things.set(s.name, s);
            } else if (s.do === 'delete') {
              await ignoringRefusals(markThingDeleted(store, s.name, NOW));
              await finishThingDeletion(store, s.name);
              things.delete(s.name);
              byHand.delete(s.name);
            } else if (s.do === 'group') {
              const name = s.tags.join('+');
              await ignoringRefusals(createGroup(store, { name, description: null, tags: s.tags }, NOW));
              dynamic.set(name, s.tags);
            } else {
              const change = s.do === 'join' ? 'add' : 'remove';
              await ignoringRefusals(changeMember(store, 'hand', s.name, change, NOW));
              if (s.do === 'join' && things.has(s.name)) byHand.add(s.name);
              if (s.do === 'leave') byHand.delete(s.name);
            }
          }

          const expected = [...byHand].map((name) => `hand ${name}`);
          for (const [name, one] of things) {
            if (one.type) expected.push(`${one.type} (default) ${name}`);
            for (const [groupName, wanted] of dynamic) {
              if (wanted.every((tag) => one.tags.includes(tag))) expected.push(`${groupName} ${name}`);
            }
          }
          const rows = await store.selectFrom('thing_group_members').selectAll().execute();
          const actual = rows.map((row) => `${row.groupName} ${row.thingName}`);
          expect(actual.sort()).toEqual(expected.sort());

          const replayed = new Set<string>();
          const entries = await store.selectFrom('membership_log').selectAll().orderBy('seq').execute();
          entries.forEach((entry, i) => {
            const pair = `${entry.groupName} ${entry.thingName}`;
            expect(entry.seq).toBe(i + 1);
            expect(replayed.has(pair)).toBe(entry.change === 'LEFT');
            if (entry.change === 'JOINED') replayed.add(pair);
            else replayed.delete(pair);
          });
          expect([...replayed].sort()).toEqual(actual);
        }),
        { numRuns: 60 },
      );
    });
  });
});
