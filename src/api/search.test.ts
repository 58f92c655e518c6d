/** Lists by parts of names mean the same on both stores. */
import { createGroup } from '../store/groups';
import { createJob } from '../store/jobs';
import { ROWS_PER_SLICE } from '../store/search';
import { createThingType } from '../store/thing-types';
import { finishThingDeletion, markThingDeleted, registerThings } from '../store/things';
import { queueExecutions } from '../store/transitions';
import { queuedExecution } from '../domain/execution';
import { basic, openApi, type TestApi } from '../../test/support/api';
import { describeOnEachStore } from '../../test/support/stores';

const NOW = 1_700_000_000_000;
const NAMES = [
  'ÄNDERUNG',
  'A\u0308nderung 2',
  'Обновление',
  'Straße',
  'İstanbul',
  '100% sure',
  '100 x sure',
  'a_b',
  'axb',
];

describeOnEachStore((stores) => {
  let api: TestApi;
  beforeEach(async () => {
    api = await openApi({ db: await stores.open() });
  });
  afterEach(() => api.stop());

  async function get(path: string, query: Record<string, string> = {}) {
    const response = await fetch(`${api.url}/api/v1${path}?${new URLSearchParams(query).toString()}`, {
      headers: basic(),
    });
    return { status: response.status, body: (await response.json()) as any };
  }

  /** All pages of a list. */
  async function names(path: string, query: Record<string, string>, field = 'name'): Promise<string[]> {
    const found: string[] = [];
    let cursor: string | null = '';
    do {
      const { status, body } = await get(path, cursor === '' ? query : { ...query, cursor });
      expect(status).toBe(200);
      found.push(...body.items.map((item: any) => item[field]));
      cursor = body.nextCursor;
    } while (cursor !== null);
    return found;
  }

  const register = (things: string[], tags: string[] = []) =>
    registerThings(
      api.db,
      things.map((name) => ({ name, tags, attributes: {} })),
      NOW,
    );

  async function newJob(name: string | undefined, i: number, thingNames: string[] = []): Promise<string> {
    const jobId = `job-${String(i).padStart(5, '0')}`;
    const job = {
      jobId,
      name,
      jobType: 'SNAPSHOT' as const,
      documentJson: '{}',
      timeoutConfig: {},
      createdBy: 'key:a',
    };
    await createJob(api.db, { ...job, targets: { thingNames, thingGroupNames: [] } }, NOW + i);
    return jobId;
  }

  const LISTS: [
    what: string,
    path: string,
    parameter: string,
    create: (name: string, i: number) => Promise<unknown>,
  ][] = [
    ['jobs', '/jobs', 'name', newJob],
    [
      'groups',
      '/thing-groups',
      'search',
      (name) => createGroup(api.db, { name, description: null, tags: [] }, NOW),
    ],
    ['types', '/thing-types', 'search', (name) => createThingType(api.db, { name, description: null }, NOW)],
  ];

  it.each(LISTS)(
    'find %s by any part of any script, in upper or lower case',
    async (_what, path, parameter, create) => {
      for (const [i, name] of NAMES.entries()) await create(name, i);
      const find = async (part: string) => (await names(path, { [parameter]: part, limit: '2' })).sort();
      for (const name of NAMES) expect(await find(name)).toContain(name);
      expect(await find('änderung')).toEqual(['A\u0308nderung 2', 'ÄNDERUNG']);
      expect(await find('A\u0308NDER')).toEqual(['A\u0308nderung 2', 'ÄNDERUNG']);
      expect(await find('ОБНОВ')).toEqual(['Обновление']);
      expect(await find('RASSE')).toEqual(['Straße']);
      expect(await find('ISTAN')).toEqual(['İstanbul']);
      expect(await find('0%')).toEqual(['100% sure']);
      expect(await find('%')).toEqual(['100% sure']);
      expect(await find('A_B')).toEqual(['a_b']);
      expect(await find('_')).toEqual(['a_b']);
      expect(await find('\\')).toEqual([]);
      expect(await find('"')).toEqual([]);
      expect(await find('')).toHaveLength(NAMES.length);
    },
  );

  it('find things by parts of one letter and more, also with the other filters', async () => {
    await register(['Boiler-7', 'boiler-17', 'pump_7', 'pumpX7', 'q', 'Zz'], ['old']);
    await register(['BOILER-27', 'boiler.7'], ['new']);
    const find = (part: string, more: Record<string, string> = {}) =>
      names('/things', { search: part, limit: '2', ...more });
    expect(await find('boiler-')).toEqual(['BOILER-27', 'Boiler-7', 'boiler-17']);
    expect(await find('ILER-7')).toEqual(['Boiler-7']);
    expect(await find('p_7')).toEqual(['pump_7']);
    expect(await find('Q')).toEqual(['q']);
    expect(await find('zz')).toEqual(['Zz']);
    expect(await find('7')).toEqual(['BOILER-27', 'Boiler-7', 'boiler-17', 'boiler.7', 'pumpX7', 'pump_7']);
    expect(await find('boiler', { tag: 'new' })).toEqual(['BOILER-27', 'boiler.7']);
    expect(await find('7', { name: 'boiler' })).toEqual(['boiler-17', 'boiler.7']);
    expect(await find('boiler-17"')).toEqual([]);
    expect(await find('%oiler')).toEqual([]);

    for (const name of ['boiler-17', 'q']) {
      await markThingDeleted(api.db, name, NOW);
      expect(await find(name)).toEqual([]);
      await finishThingDeletion(api.db, name);
      expect(await find(name)).toEqual([]);
    }
    await register(['boiler-17', 'q']);
    expect(await find('boiler-17')).toEqual(['boiler-17']);
    expect(await find('q')).toEqual(['q']);
  });

  it('find executions and members by parts of the names of things', async () => {
    await register(['Boiler-7', 'boiler-17', 'pump-7'], ['all']);
    await createGroup(api.db, { name: 'all', description: null, tags: ['all'] }, NOW);
    const jobId = await newJob('x', 1, ['Boiler-7', 'boiler-17', 'pump-7']);
    const launches = ['Boiler-7', 'boiler-17', 'pump-7'].map((thingName) => ({
      thingName,
      executionNumber: 1,
    }));
    const page = { jobId, shard: 0, launches, cause: { by: 'key:a' } };
    await queueExecutions(api.db, { ...page, state: queuedExecution(1, NOW, {}) });
    const path = `/jobs/${jobId}/executions`;
    expect(await names(path, { search: 'BOIL' }, 'thingName')).toEqual(['Boiler-7', 'boiler-17']);
    expect(await names(path, { search: '-7', status: 'QUEUED' }, 'thingName')).toEqual([
      'Boiler-7',
      'pump-7',
    ]);
    expect(await names(path, { thingName: 'boiler' }, 'thingName')).toEqual(['boiler-17']);
    expect(await names('/thing-groups/all/things', { search: 'boil' })).toEqual(['Boiler-7', 'boiler-17']);
  });

  it('find what lies many slices on, and page through what many hold', async () => {
    const many = Array.from({ length: ROWS_PER_SLICE + 100 }, (_, i) => `lamp-${String(i).padStart(5, '0')}`);
    await register([...many, 'zebra.z', 'zebra.y']);
    expect(await names('/things', { search: 'ZEBRA' })).toEqual(['zebra.y', 'zebra.z']);
    expect(await names('/things', { search: '.' })).toEqual(['zebra.y', 'zebra.z']);
    expect(await names('/things', { search: '??' })).toEqual([]);
    expect(await names('/things', { search: 'LAMP', limit: '250' })).toEqual(many);
    expect(await names('/things', { search: 'p-', limit: '250' })).toEqual(many);
  });

  it.each([
    ['/things', ['name', 'search', 'tag', 'thingTypeName']],
    ['/jobs', ['name']],
    ['/thing-groups', ['name', 'search']],
    ['/thing-types', ['name', 'search']],
    ['/jobs/x/executions', ['thingName', 'search']],
  ])('refuse what no name of %s can hold', async (path, parameters) => {
    for (const parameter of parameters) {
      for (const text of ['\0', 'a\0', '\u0007'])
        expect(await get(path, { [parameter]: text })).toMatchObject({
          status: 400,
          body: {
            code: 'InvalidRequest',
            errors: [{ path: parameter, message: expect.stringContaining('control characters') }],
          },
        });
      expect(await get(path, { [parameter]: 'x'.repeat(129) })).toMatchObject({ status: 400 });
    }
  });
});
