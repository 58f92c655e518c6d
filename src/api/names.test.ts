/** Names and texts in paths and bodies. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { basic, openApi, type TestApi } from '../../test/support/api';
import { describeOnEachStore } from '../../test/support/stores';
import { createJob } from '../store/jobs';
import { registerThings } from '../store/things';

/** As json.dumps of Python writes it. */
const escaped = (value: unknown) =>
  JSON.stringify(value).replace(
    /[^\x00-\x7f]/g, // eslint-disable-line no-control-regex
    (unit) => `\\u${unit.charCodeAt(0).toString(16)}`,
  );

describeOnEachStore((stores) => {
  let api: TestApi;
  beforeEach(async () => {
    api = await openApi({ db: await stores.open() });
  });
  afterEach(() => api.stop());

  it.each(['.', '..'])('%s is no name', async (name) => {
    const bodies: [string, object][] = [
      ['/things', { name }],
      ['/things', { name: 'a', thingTypeName: name }],
      ['/thing-types', { name }],
      ['/thing-groups', { name }],
      ['/jobs', { targets: { thingNames: [name] }, document: {} }],
      ['/jobs', { targets: { thingGroupNames: [name] }, document: {} }],
    ];
    for (const [path, body] of bodies) {
      const answer = await call('POST', path, body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'InvalidRequest' } });
      expect(answer.body.detail).toContain('but not "." or ".."');
    }
    const bulk = await call('POST', '/things/bulk', { things: [{ name }] });
    expect(bulk.status).toBe(400);
  });

  it.each(['%00', 'a%00b', 'a%2Fb', '%0A', '%C2%80'])('finds nothing under %s', async (name) => {
    for (const path of ['/things/#', '/jobs/#', '/jobs/#/executions/a', '/thing-groups/#', '/api-keys/#']) {
      const method = path.startsWith('/api-keys') ? 'DELETE' : 'GET';
      const answer = await call(method, path.replace('#', name));
      expect(answer).toMatchObject({ status: 404, body: { code: 'NotFound' } });
    }
  });

  it.each(['%FF', '%C3', '%', '%zz'])('takes no address with %s for another one', async (name) => {
    for (const path of [`/things/${name}`, `/things?name=${name}`, `/jobs?cursor=${name}`]) {
      const answer = await call('GET', path);
      expect(answer).toMatchObject({ status: 400, body: { code: 'InvalidRequest' } });
      expect(answer.body.detail).toContain('percent-encoded as UTF-8');
    }
  });

  it('keeps every name of an attribute, __proto__ too', async () => {
    const attributes = JSON.parse('{"__proto__":"p","constructor":"c","prototype":"q"}') as object;
    const kept = (answer: { body: { attributes?: object } }) => Object.entries(answer.body.attributes ?? {});
    expect(kept(await call('POST', '/things', { name: 'a', attributes }))).toEqual(
      Object.entries(attributes),
    );
    expect(kept(await call('GET', '/things/a'))).toEqual(Object.entries(attributes));
    await call('POST', '/things', { name: 'b' });
    expect(kept(await call('PATCH', '/things/b', { attributes }))).toEqual(Object.entries(attributes));
    await call('POST', '/things/bulk', { things: [{ name: 'c', attributes }] });
    expect(kept(await call('GET', '/things/c'))).toEqual(Object.entries(attributes));

    const bad = await call('PATCH', '/things/b', { attributes: JSON.parse('{"__proto__":5}') as object });
    expect(bad).toMatchObject({ status: 400, body: { errors: [{ path: 'attributes.__proto__' }] } });
    const unknown = JSON.parse('{"name":"d","__proto__":{"tags":["x"]}}') as object;
    const refused = await call('POST', '/things', unknown);
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: '__proto__' }] } });
  });

  it('reckons lengths in characters, however they are escaped', async () => {
    const many = (each: (i: number) => unknown) => Array.from({ length: 50 }, (_, i) => each(i));
    const filled = (i: number) => '🚀'.repeat(126) + String(i).padStart(2, '0');
    const attributes = Object.fromEntries(many((i) => [filled(i), '🚀'.repeat(1_024)]) as [string, string][]);
    const thing = { name: 'a', tags: many(filled), attributes };
    expect(await call('POST', '/things', thing, escaped)).toMatchObject({
      status: 201,
      body: { attributes },
    });
    const group = { name: '🚀'.repeat(128), description: '🚀'.repeat(2_028) };
    expect(await call('POST', '/thing-groups', group, escaped)).toMatchObject({ status: 201, body: group });
    const found = await call('GET', `/thing-groups?name=${encodeURIComponent(group.name)}`);
    expect(found).toMatchObject({ status: 200, body: { items: [group] } });
    const long = await call('POST', '/thing-groups', { name: 'b', description: '🚀'.repeat(2_029) });
    expect(long).toMatchObject({ status: 400, body: { errors: [{ path: 'description' }] } });
  });

  it('refuses every cursor that no list has given out', async () => {
    const lists = [
      '/jobs',
      '/things',
      '/thing-groups',
      '/thing-types',
      '/api-keys',
      '/things/a/jobs',
      '/jobs/j/targets',
    ];
    await call('POST', '/things', { name: 'a' });
    const targets = { thingNames: ['a'], thingGroupNames: [] };
    const job = { jobId: 'j', jobType: 'SNAPSHOT' as const, targets, documentJson: '{}', timeoutConfig: {} };
    await createJob(api.db, { ...job, createdBy: 'key:test' }, Date.now());
    const crafted = [
      ...['[1.5,"x"]', '[1e300,"x"]', '[1e3,"x"]', '["1","x"]', '[null,"x"]', '[1,"x\\u0000"]', '[1, "x"]'],
      ...[
        '["\\u0000"]',
        '["\\ud800"]',
        '[]',
        '{}',
        '[9007199254740991]',
        '[2147483648]',
        'null',
        '"x"',
        '["x","y","z"]',
        '[["x"]]',
      ],
    ].map((json) => Buffer.from(json).toString('base64url'));
    const right = Buffer.from('["x"]').toString('base64url');
    for (const cursor of [
      ...crafted,
      `${right}!`,
      `!${right}`,
      `${right}=`,
      right.slice(0, -1),
      '%00',
      'x',
    ]) {
      for (const list of lists) {
        const answer = await call('GET', `${list}?cursor=${cursor}`);
        expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'cursor' }] } });
      }
    }
  });

  it('knows no text with a NUL', async () => {
    const nul = 'a\0';
    for (const path of [
      '/jobs?name=',
      '/things?name=',
      '/things?thingTypeName=',
      '/things?tag=',
      '/events?jobId=',
    ])
      expect(await call('GET', `${path}%00`)).toMatchObject({ status: 400 });
    const asDevice = await call('POST', '/thing-datas/jobs/get', { thingName: nul });
    expect([400, 404]).toContain(asDevice.status);
    const credentials = { apiKey: nul, apiSecret: 'secret' };
    expect([400, 401]).toContain((await call('POST', '/session', credentials)).status);
    const { status } = await fetch(`${api.url}/api/v1/jobs`, { headers: basic(credentials) });
    expect([400, 401]).toContain(status);
  });

  it('takes bodies in UTF-8 only', async () => {
    const post = async (body: Buffer, type = 'application/json') => {
      const headers = { ...basic(), 'content-type': type };
      const answer = await fetch(`${api.url}/api/v1/things`, { method: 'POST', headers, body });
      return { status: answer.status, body: await answer.json() };
    };
    const thing = (name: string) => `{"name":"${name}","attributes":{"\u00e4":"1","\u00f6":"2"}}`;
    for (const bytes of [Buffer.from(thing('a'), 'latin1'), Buffer.from(thing('a'), 'utf16le')])
      expect(await post(bytes)).toMatchObject({ status: 400, body: { code: 'InvalidJson' } });
    const declared = await post(Buffer.from(thing('a'), 'utf16le'), 'application/json; charset=utf-16');
    expect(declared).toMatchObject({ status: 415, body: { code: 'UnsupportedMediaType' } });
    const broker = await fetch(`${api.url}/mqtt/auth`, {
      method: 'POST',
      headers: { ...basic(), 'content-type': 'application/json' },
      body: Buffer.from('{"clientid":"\u00e4"}', 'latin1'),
    });
    expect(await broker.json()).toMatchObject({ status: 400, code: 'InvalidJson' });
    const bom = Buffer.from([0xef, 0xbb, 0xbf]);
    expect(await post(Buffer.concat([bom, Buffer.from(thing('b'))]))).toMatchObject({ status: 201 });
  });

  it('lets a thing go that has such a name from before', async () => {
    await registerThings(api.db, [{ name: '..', tags: [], attributes: {} }], Date.now());
    expect((await call('GET', '/things/..')).status).toBe(200);
    expect((await call('GET', '/things/%2e%2e')).status).toBe(200);
  });

  /** As it stands: `fetch` would take dot segments out of the path. */
  async function call(method: string, path: string, body?: object, write = JSON.stringify) {
    const headers = { ...basic(), ...(body && { 'content-type': 'application/json' }) };
    const { hostname, port } = new URL(api.url);
    const asked = request({ hostname, port, path: `/api/v1${path}`, method, headers, agent: false });
    asked.end(body && write(body));
    const answer = await new Promise<Parameters<typeof text>[0] & { statusCode?: number }>(
      (resolve, reject) => asked.on('response', resolve).on('error', reject),
    );
    const answered = JSON.parse(await text(answer)) as {
      code?: string;
      detail?: string;
      attributes?: object;
    };
    return { status: answer.statusCode, body: answered };
  }
});
