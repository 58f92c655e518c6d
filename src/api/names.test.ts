/** Names in paths and bodies. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { basic, openApi, type TestApi } from '../../test/support/api';
import { describeOnEachStore } from '../../test/support/stores';
import { registerThings } from '../store/things';

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

  it('lets a thing go that has such a name from before', async () => {
    await registerThings(api.db, [{ name: '..', tags: [], attributes: {} }], Date.now());
    expect((await call('GET', '/things/..')).status).toBe(200);
    expect((await call('GET', '/things/%2e%2e')).status).toBe(200);
  });

  /** As it stands: `fetch` would take dot segments out of the path. */
  async function call(method: string, path: string, body?: object) {
    const headers = { ...basic(), ...(body && { 'content-type': 'application/json' }) };
    const { hostname, port } = new URL(api.url);
    const asked = request({ hostname, port, path: `/api/v1${path}`, method, headers, agent: false });
    asked.end(body && JSON.stringify(body));
    const answer = await new Promise<Parameters<typeof text>[0] & { statusCode?: number }>(
      (resolve, reject) => asked.on('response', resolve).on('error', reject),
    );
    const answered = JSON.parse(await text(answer)) as { code?: string; detail?: string };
    return { status: answer.statusCode, body: answered };
  }
});
