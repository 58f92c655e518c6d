/** What somebody costs who tries secrets, many at the same time. */
import request from 'supertest';
import { ADMIN, basic, openApi, type TestApi } from '../../test/support/api';
import { createApiKey, revokeApiKey } from '../store/api-keys';

let api: TestApi;
beforeEach(async () => {
  api = await openApi({ proxies: 1 });
});
afterEach(() => api.stop());

interface Answer {
  status: number;
  retryAfter: number;
}

async function ask(credentials: typeof ADMIN, from = '192.0.2.1'): Promise<Answer> {
  const { status, headers } = await request(api.url)
    .get('/api/v1/about')
    .set({ ...basic(credentials), 'x-forwarded-for': from });
  return { status, retryAfter: Number(headers['retry-after'] ?? 0) };
}
const guess = (apiSecret: string, from?: string) => ask({ ...ADMIN, apiSecret }, from);
const guesses = (secretOf: (i: number) => string) =>
  Array.from({ length: 300 }, (_, i) => guess(secretOf(i)));

function expectMostRefused(answers: Answer[], checkedAtMost: number): void {
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status !== 429 && status !== 401)).toEqual([]);
  expect(refused.length).toBeGreaterThanOrEqual(answers.length - checkedAtMost);
  expect(refused.filter(({ retryAfter }) => !(retryAfter >= 1 && retryAfter <= 60))).toEqual([]);
}

it('most of many wrong secrets at once are refused, and a key that was seen does not wait for them', async () => {
  expect((await ask(ADMIN)).status).toBe(200);
  let checked = 0;
  const wrong = guesses(String).map((answer) =>
    answer.then((given) => {
      if (given.status === 401) checked += 1;
      return given;
    }),
  );
  // Many have been asked for when this is.
  expect((await ask(ADMIN)).status).toBe(200);
  const checkedBefore = checked;
  const answers = await Promise.all(wrong);
  expectMostRefused(answers, 100);
  expect(checkedBefore).toBeLessThan(100);
});

it('the same wrong secret many times at once counts as often as it is tried', async () => {
  expectMostRefused(await Promise.all(guesses(() => 'the same')), 100);
  expect((await guess('another')).status).toBe(429);
});

it('the good secret many times at once is good each time, also from where others failed', async () => {
  const answers = await Promise.all(Array.from({ length: 150 }, () => ask(ADMIN)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
});

it('who guesses holds up no new key from elsewhere for long', async () => {
  const wrong = guesses(String);
  expect((await ask(ADMIN, '192.0.2.2')).status).toBe(200);
  await Promise.all(wrong);
});

it('a good attempt costs nothing of what may fail', async () => {
  const keys = [];
  for (let i = 0; i < 30; i++) keys.push(await createApiKey(api.db, { permissions: [] }, i));
  for (const key of keys) expect((await ask(key)).status).toBe(200);
  for (let i = 0; i < 100; i++) expect((await guess(`${i}`)).status).toBe(401);
  expect((await guess('more')).status).toBe(429);
});

it('who has a good key gains no guesses by using it in between', async () => {
  const own = await createApiKey(api.db, { permissions: [] }, 0);
  for (let i = 0; i < 100; i++) {
    expect((await guess(`${i}`)).status).toBe(401);
    if (i % 20 === 0) expect((await ask(own)).status).toBe(200);
  }
  expect((await guess('more')).status).toBe(429);
}, 60_000);

it('a key that was seen is forgotten when it is revoked', async () => {
  const key = await createApiKey(api.db, { permissions: [] }, 0);
  expect((await ask(key)).status).toBe(200);
  await revokeApiKey(api.db, key.apiKey, 1);
  expect((await ask(key)).status).toBe(401);
});
