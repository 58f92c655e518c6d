/** The web console as browsers get it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import request from 'supertest';
import { openApi, type TestApi } from '../../test/support/api';

const SCRIPT = 'console.log("muster");\n'.repeat(50);
const PAGE = '<html><head><meta name="csp-nonce" content="__CSP_NONCE__"></head></html>';

let api: TestApi;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.stop());

function build(): void {
  mkdirSync(path.join(api.consoleDir, 'assets'));
  const write = (name: string, content: string | Buffer) =>
    writeFileSync(path.join(api.consoleDir, name), content);
  write('index.html', PAGE);
  write('robots.txt', 'none');
  write('assets/app-1.js', SCRIPT);
  write('assets/app-1.js.br', brotliCompressSync(SCRIPT));
  write('assets/app-1.js.gz', gzipSync(SCRIPT));
  write('assets/plain-1.css', 'a { color: red }');
}

const get = (url: string, headers: Record<string, string> = {}) => request(api.url).get(url).set(headers);
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

it('is a page at every path of its own, never kept, with a new nonce each time', async () => {
  build();
  const nonces = new Set<string>();
  for (const url of ['/', '/index.html', '/jobs', '/jobs/1/executions/a.b', '/sign-in?from=%2Fjobs']) {
    const { text, headers } = await get(url, HTML)
      .expect(200)
      .expect('Content-Type', /^text\/html/);
    const [, nonce = ''] = /content="([^"]{22,})"/.exec(text) ?? [];
    nonces.add(nonce);
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['content-security-policy']?.split(';').sort()).toEqual([
      "base-uri 'self'",
      "connect-src 'self'",
      "default-src 'self'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "object-src 'none'",
      "script-src 'self'",
      `style-src 'self' 'nonce-${nonce}'`,
    ]);
  }
  expect(nonces.size).toBe(5);
  await get('/').set('accept', '*/*').expect(200);
});

it('leaves the paths of others alone', async () => {
  build();
  for (const url of ['/api/v1/nothing', '/docs/nothing', '/assets/nothing.js', '/metrics/x', '/healthz/x'])
    expect((await get(url, HTML)).text).not.toContain('csp-nonce');
  await get('/docs/nothing', HTML)
    .expect(404)
    .expect('Content-Type', /problem/);
  await get('/jobs', { accept: 'application/json' })
    .expect(404)
    .expect('Content-Type', /problem/);
  await request(api.url).post('/jobs').set(HTML).expect(404);
  await get('/docs', HTML).expect(200, /swagger/);
});

it('has files that browsers keep, as small as they can read them', async () => {
  build();
  const file = (encoding: string) => get('/assets/app-1.js', { 'accept-encoding': encoding }).expect(200);
  for (const [accepted, used] of [
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['identity', undefined],
  ] as const) {
    const { headers, text } = await file(accepted);
    expect({ accepted, used: headers['content-encoding'] }).toEqual({ accepted, used });
    expect(headers).toMatchObject({
      'content-type': expect.stringMatching(/^text\/javascript/) as string,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
    });
    if (used !== 'br') expect(text).toBe(SCRIPT);
  }
  const { headers } = await get('/assets/plain-1.css', { 'accept-encoding': 'br' }).expect(
    200,
    'a { color: red }',
  );
  expect(headers).toMatchObject({ 'content-type': expect.stringMatching(/^text\/css/) as string });
  expect(headers['content-encoding']).toBeUndefined();
  await get('/robots.txt').expect(200, 'none');
});

it('gives no file away that is not its own', async () => {
  build();
  writeFileSync(path.join(api.consoleDir, '../muster-secret.br'), 'secret');
  for (const url of [
    '/assets/..%2f..%2fmuster-secret',
    '/assets/%2e%2e/%2e%2e/muster-secret',
    '/..%2fmuster-secret.br',
  ])
    expect((await get(url, { 'accept-encoding': 'br' })).text ?? '').not.toContain('secret"');
});

it('says how to build it where it is not built', async () => {
  await get('/', HTML).expect(503, /npm run build/);
});
