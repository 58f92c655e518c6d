/** Nobody gives what they don't have: keys, credentials of things, sessions. */
import request from 'supertest';
import { ADMIN, basic, openApi, type TestApi } from '../../test/support/api';
import type { Permission } from '../domain/permissions';

interface Key {
  apiKey: string;
  apiSecret: string;
}

let api: TestApi;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.stop());

const call = (key: Key, method: 'get' | 'post' | 'delete', path: string, body?: object) =>
  request(api.url)[method](`/api/v1${path}`).set(basic(key)).send(body);
const create = (key: Key, ...permissions: Permission[]) => call(key, 'post', '/api-keys', { permissions });

async function keyWith(...permissions: Permission[]): Promise<Key> {
  const { body } = await create(ADMIN, ...permissions).expect(201);
  const { apiKey, apiSecret } = body as Key;
  return { apiKey, apiSecret };
}

const KEYS: Permission = { methods: ['POST', 'DELETE'], pathPrefix: '/api/v1/api-keys' };
const EVERYTHING: Permission = { methods: ['*'], pathPrefix: '/' };
const READ_JOBS: Permission = { methods: ['GET'], pathPrefix: '/api/v1/jobs' };

describe('a new key', () => {
  it.each<[string, Permission, string]>([
    ['everything', EVERYTHING, '*:/'],
    ['another path', { methods: ['POST'], pathPrefix: '/api/v1/jobs' }, 'POST:/api/v1/jobs'],
    ['the path above', { methods: ['POST'], pathPrefix: '/api/v1' }, 'POST:/api/v1'],
    ['a path in disguise', { methods: ['POST'], pathPrefix: '/api/v1/%6Aobs' }, 'POST:/api/v1/%6Aobs'],
    ['a path with the same letters', { methods: ['POST'], pathPrefix: '/api/v1/api-keys2' }, '/api-keys2'],
    ['another method', { methods: ['GET', 'POST'], pathPrefix: '/api/v1/api-keys' }, 'GET:/api/v1/api-keys'],
    [
      'being the bridge at the broker',
      { methods: ['POST'], pathPrefix: '/mqtt/bridge' },
      'POST:/mqtt/bridge',
    ],
  ])('is refused %s that its creator lacks, and is not made', async (_what, wanted, missing) => {
    const manager = await keyWith(KEYS);
    const before = (await call(ADMIN, 'get', '/api-keys')).body as { items: unknown[] };
    const { status, body } = await create(manager, KEYS, wanted);
    expect({ status, body: body as unknown }).toMatchObject({ status: 403, body: { code: 'Forbidden' } });
    expect((body as { detail: string }).detail).toContain(missing);
    expect((await call(ADMIN, 'get', '/api-keys')).body).toEqual(before);
  });

  it('gets whatever its creator has, or less', async () => {
    const manager = await keyWith(KEYS, { methods: ['*'], pathPrefix: '/api/v1/jobs' });
    await create(manager, KEYS).expect(201);
    await create(manager, { methods: ['POST'], pathPrefix: '/api/v1/api-keys/' }).expect(201);
    await create(manager, READ_JOBS, { methods: ['*'], pathPrefix: '/api/v1/jobs/1/' }).expect(201);
    await create(ADMIN, EVERYTHING).expect(201);
  });

  it('gets no more by a session than by its key', async () => {
    const manager = await keyWith(KEYS);
    const { headers, body } = await request(api.url).post('/api/v1/session').send(manager).expect(201);
    const [cookie = ''] = headers['set-cookie'] as unknown as string[];
    const { csrfToken } = body as { csrfToken: string };
    const createBySession = (permission: Permission) =>
      request(api.url)
        .post('/api/v1/api-keys')
        .set({ cookie: cookie.split(';')[0]!, 'x-csrf-token': csrfToken })
        .send({ permissions: [permission] });
    await createBySession(EVERYTHING).expect(403);
    await createBySession(KEYS).expect(201);
  });
});

describe('a key is revoked', () => {
  it('by nobody who may do less than it', async () => {
    const manager = await keyWith(KEYS);
    const { body } = await call(manager, 'delete', `/api-keys/${ADMIN.apiKey}`).expect(403);
    expect((body as { detail: string }).detail).toContain('*:/');
    await call(ADMIN, 'get', '/api-keys').expect(200);
    await call(manager, 'delete', '/api-keys/nobody').expect(404);
  });

  it('by who may do as much, by itself too', async () => {
    const [manager, other] = [await keyWith(KEYS), await keyWith(KEYS)];
    await call(manager, 'delete', `/api-keys/${other.apiKey}`).expect(204);
    await call(manager, 'delete', `/api-keys/${manager.apiKey}`).expect(204);
    await call(manager, 'post', '/api-keys', { permissions: [KEYS] }).expect(401);
  });
});

describe('credentials of a thing', () => {
  const THINGS: Permission = { methods: ['*'], pathPrefix: '/api/v1/things' };
  const SPEAK: Permission = { methods: ['POST'], pathPrefix: '/api/v1/thing-datas' };
  const calls: [string, string, object][] = [
    ['a new one', '/things', { name: 'new' }],
    ['many', '/things/bulk', { things: [{ name: 'new' }] }],
    ['one that there is', '/things/boiler/credentials', {}],
  ];
  beforeEach(() => call(ADMIN, 'post', '/things', { name: 'boiler' }).expect(201));

  it.each(calls)('are not given by who may not speak for things: %s', async (_what, path, body) => {
    const clerk = await keyWith(THINGS);
    const before = await api.db.selectFrom('things').select(['name', 'passwordHash']).execute();
    const answer = await call(clerk, 'post', path, body).expect(403);
    expect((answer.body as { detail: string }).detail).toContain('POST:/api/v1/thing-datas');
    expect(await api.db.selectFrom('things').select(['name', 'passwordHash']).execute()).toEqual(before);
  });

  it.each(calls)('are given by who may: %s', async (_what, path, body) => {
    const manager = await keyWith(THINGS, SPEAK);
    const answer = await call(manager, 'post', path, body);
    expect(answer.status).toBeLessThan(300);
    expect(JSON.stringify(answer.body)).toContain('"password"');
  });

  it('are taken away without: that gives nothing', async () => {
    await call(await keyWith(THINGS), 'delete', '/things/boiler/credentials').expect(204);
  });
});
