/** What stands between a client and Muster, and what Muster tells browsers to keep others out. */
import request from 'supertest';
import { ADMIN, basic, openApi, type TestApi } from '../../test/support/api';

let api: TestApi;
afterEach(() => api.stop());

const signIn = (headers: Record<string, string>, credentials = ADMIN) =>
  request(api.url).post('/api/v1/session').set(headers).send(credentials);

async function isSecure(headers: Record<string, string>): Promise<boolean> {
  const answer = await signIn(headers).expect(201);
  return /; Secure/.test(answer.get('Set-Cookie')![0]!);
}

async function exhaust(client: string): Promise<void> {
  const guess = (i: number) => signIn({ 'x-forwarded-for': client }, { apiKey: 'x', apiSecret: `${i}` });
  for (let i = 0; i < 100; i++) await guess(i).expect(401);
  await guess(100).expect(429);
}

describe('behind a proxy', () => {
  beforeEach(async () => {
    api = await openApi({ proxies: 1 });
  });

  it('failed attempts count for the client that the proxy names, whatever that one says of itself', async () => {
    await exhaust('192.0.2.1');
    const wrong = { apiKey: 'x', apiSecret: 'y' };
    await signIn({ 'x-forwarded-for': '198.51.100.7, 192.0.2.1' }, wrong).expect(429);
    await signIn({ 'x-forwarded-for': '192.0.2.1, 192.0.2.2' }, wrong).expect(401);
    await signIn({ 'x-forwarded-for': '192.0.2.2' }).expect(201);
  });

  it('the cookie is Secure where the client came by TLS', async () => {
    expect(await isSecure({ 'x-forwarded-proto': 'https' })).toBe(true);
    expect(await isSecure({ 'x-forwarded-proto': 'http' })).toBe(false);
  });
});

describe('without a proxy', () => {
  beforeEach(async () => {
    api = await openApi();
  });

  it('nobody is believed who claims to be one', async () => {
    await exhaust('192.0.2.1');
    await signIn({ 'x-forwarded-for': '192.0.2.2' }, { apiKey: 'x', apiSecret: 'y' }).expect(429);
  });

  it('a session by plain HTTP has a cookie that is not Secure', async () => {
    expect(await isSecure({ 'x-forwarded-proto': 'https' })).toBe(false);
  });

  it.each(['/api/v1/jobs', '/api/v1/nowhere', '/openapi.json', '/docs', '/healthz', '/metrics', '/'])(
    '%s is for no page of another origin, and can not be framed or taken for something else',
    async (path) => {
      const origin = 'https://evil.example.com';
      const asked = await request(api.url).get(path).set(basic()).set({ origin });
      const preflight = await request(api.url)
        .options(path)
        .set({ origin, 'access-control-request-method': 'GET' });
      for (const { headers } of [asked, preflight]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
        expect(headers).toMatchObject({
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'SAMEORIGIN',
          'referrer-policy': 'no-referrer',
          'cross-origin-resource-policy': 'same-origin',
          'content-security-policy': expect.stringMatching(/frame-ancestors '(self|none)'/) as string,
        });
      }
    },
  );
});

describe('a secret in a body that is refused', () => {
  beforeEach(async () => {
    api = await openApi();
  });

  const SECRET = 'hush-hush';
  it.each([
    ['too long', JSON.stringify({ apiKey: 'admin', apiSecret: SECRET.repeat(50) })],
    ['no string', '{"apiKey": "admin", "apiSecret": 4711471147}'],
    ['no JSON', `{"apiSecret": ${SECRET}}`],
    ['cut off', `{"apiSecret": "${SECRET}`],
    ['with something behind it', `{"apiKey": "admin", "apiSecret": "${SECRET}"}"${SECRET}"`],
  ])('is not told again: %s', async (_fault, body) => {
    const asked = request(api.url).post('/api/v1/session').set('content-type', 'application/json');
    const { status, text } = await asked.send(body);
    expect(status).toBe(400);
    expect(text).not.toMatch(/hus|4711/);
  });
});
