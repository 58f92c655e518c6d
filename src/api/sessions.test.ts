/** How browsers sign in, and what their cookie is good for. */
import request from 'supertest';
import { ADMIN, basic, openApi, type TestApi } from '../../test/support/api';
import { session as sessionSchema } from '../contract/rest';
import { createApiKey, ensureAdminKey, revokeApiKey } from '../store/api-keys';
import { sweepSessions } from '../store/sessions';

let api: TestApi;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.stop());

const signIn = (body: object = ADMIN, headers: Record<string, string> = {}) =>
  request(api.url).post('/api/v1/session').set(headers).send(body);

/** Calls by cookie alone. */
async function signedIn(credentials = ADMIN) {
  const { headers, body } = await signIn(credentials).expect(201);
  const [setCookie = ''] = headers['set-cookie'] as unknown as string[];
  const cookie = setCookie.split(';')[0]!;
  const { csrfToken } = body as { csrfToken: string };
  const call = (method: 'get' | 'post' | 'put' | 'delete', path: string) =>
    request(api.url)[method](`/api/v1${path}`).set('cookie', cookie);
  return { call, cookie, setCookie, csrfToken, body: body as Record<string, unknown> };
}

async function reader(): Promise<typeof ADMIN> {
  const permissions = [{ methods: ['GET' as const], pathPrefix: '/api/v1/jobs' }];
  const { apiKey, apiSecret } = await createApiKey(api.db, { name: 'reader', permissions }, Date.now());
  return { apiKey, apiSecret };
}

it('begin with a cookie that no script and no other site gets hold of', async () => {
  const { setCookie, body, call, csrfToken } = await signedIn();
  expect(setCookie).toMatch(
    /^muster_session=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
  );
  expect(body).toEqual(sessionSchema.parse(body));
  expect(body).toMatchObject({ apiKey: 'admin', permissions: [{ methods: ['*'], pathPrefix: '/' }] });
  expect(Date.parse(body.expiresAt as string) - Date.now()).toBeGreaterThan(11.9 * 3_600_000);
  await call('get', '/session').expect(200, body);
  await call('get', '/jobs').expect(200);
  expect(csrfToken).not.toBe('');
});

it('are stored without what the cookie holds', async () => {
  const { cookie } = await signedIn();
  const rows = await api.db.selectFrom('sessions').selectAll().execute();
  expect(JSON.stringify(rows)).not.toContain(cookie.split('=')[1]);
  expect(rows).toHaveLength(1);
});

it('change nothing without their CSRF token', async () => {
  const { call, csrfToken } = await signedIn();
  const other = await signedIn();
  const create = () => call('post', '/thing-types').send({ name: 'a' });
  for (const token of [undefined, '', 'x', other.csrfToken]) {
    const asked = create();
    if (token !== undefined) asked.set('x-csrf-token', token);
    const { status, body } = await asked;
    expect({ status, body: body as unknown }).toMatchObject({
      status: 403,
      body: { code: 'CsrfTokenMissing' },
    });
  }
  expect((await call('get', '/thing-types')).body).toMatchObject({ items: [] });
  await create().set('x-csrf-token', csrfToken).expect(201);
});

it('permit what their key permits, no more', async () => {
  const { call, csrfToken } = await signedIn(await reader());
  await call('get', '/jobs').expect(200);
  await call('get', '/things').expect(403);
  await call('get', '/about').expect(200);
  await call('post', '/jobs').set('x-csrf-token', csrfToken).send({}).expect(403);
});

it('end with the sign-out', async () => {
  const { call, csrfToken } = await signedIn();
  await call('delete', '/session').expect(403);
  const { headers } = await call('delete', '/session').set('x-csrf-token', csrfToken).expect(204);
  expect(headers['set-cookie']).toEqual([
    expect.stringMatching(/^muster_session=; Path=\/; Expires=Thu, 01 Jan 1970/),
  ]);
  await call('get', '/session').expect(401);
});

it('end with their key, and with a new secret of the first administrator', async () => {
  const key = await reader();
  const { call } = await signedIn(key);
  const admin = await signedIn();
  await revokeApiKey(api.db, key.apiKey, Date.now());
  await call('get', '/jobs').expect(401);
  await ensureAdminKey(api.db, ADMIN);
  await admin.call('get', '/jobs').expect(200);
  await ensureAdminKey(api.db, { ...ADMIN, apiSecret: 'another secret of some length' });
  await admin.call('get', '/jobs').expect(401);
});

it('end after their time', async () => {
  const { call } = await signedIn();
  await api.db.updateTable('sessions').set({ expiresAt: Date.now() }).execute();
  await call('get', '/jobs').expect(401);
  await sweepSessions(api.db, Date.now());
  expect(await api.db.selectFrom('sessions').selectAll().execute()).toEqual([]);
});

it('are a hundred at most for one key: the oldest end', async () => {
  const first = await signedIn();
  for (let i = 0; i < 99; i++) await signIn().expect(201);
  await first.call('get', '/session').expect(200);
  await signIn().expect(201);
  await first.call('get', '/session').expect(401);
});

it('count for nothing beside an Authorization header', async () => {
  const { call } = await signedIn();
  await call('get', '/jobs').auth('admin', 'wrong').expect(401);
  const { body } = await call('get', '/session').set(basic()).expect(200);
  expect(body).toMatchObject({ apiKey: 'admin', csrfToken: null, expiresAt: null });
  await call('post', '/thing-types').set(basic()).send({ name: 'a' }).expect(201);
});

it('are refused to who has no good key, the same way for each fault', async () => {
  const wrong = await signIn({ ...ADMIN, apiSecret: 'wrong' }).expect(401);
  const unknown = await signIn({ apiKey: 'nobody', apiSecret: 'wrong' }).expect(401);
  expect(wrong.body).toEqual(unknown.body);
  expect(wrong.body).toMatchObject({ code: 'Unauthenticated' });
  expect(wrong.headers['set-cookie']).toBeUndefined();
  await signIn({ apiKey: 'admin' }).expect(400);
});

it('are refused to who has tried too often', async () => {
  for (let i = 0; i < 100; i++) await signIn({ apiKey: 'nobody', apiSecret: `${i}` }).expect(401);
  const { headers } = await signIn({ apiKey: 'nobody', apiSecret: 'more' }).expect(429);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
});

it('leave the asking for credentials to the console', async () => {
  const ask = (headers: Record<string, string>) => request(api.url).get('/api/v1/jobs').set(headers);
  const asksForBasic = async (headers: Record<string, string>) =>
    (await ask(headers).expect(401)).headers['www-authenticate'] !== undefined;
  expect(await asksForBasic({})).toBe(true);
  expect(await asksForBasic({ 'x-requested-with': 'muster-console' })).toBe(false);
  expect(await asksForBasic({ cookie: `theme=dark; muster_session=${'x'.repeat(43)}` })).toBe(false);
});
