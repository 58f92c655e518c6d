import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import express, { type Express } from 'express';
import pino from 'pino';
import request from 'supertest';
import { createApiKey, type ApiKeyWithSecret } from '../store/api-keys';
import { openStore, type Db } from '../store/database';
import { markThingDeleted, registerThings } from '../store/things';
import { createAuthentication } from './auth';
import { brokerRoutes } from './broker-routes';
import { problemHandler } from './problems';

let directory: string;
let db: Db;
let app: Express;
/** Whose the calls are. */
let broker: ApiKeyWithSecret;
let bridge: ApiKeyWithSecret;
let password: string;

const newKey = (pathPrefix: string) =>
  createApiKey(db, { permissions: [{ methods: ['POST'], pathPrefix }] }, Date.now());

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-broker-routes-'));
  db = await openStore({ file: path.join(directory, 'muster.db') });
  broker = await newKey('/mqtt');
  bridge = await newKey('/mqtt/bridge');
  const { created } = await registerThings(
    db,
    [
      { name: 'boiler', mqttClientId: 'boiler-client', tags: [], attributes: {} },
      { name: 'other', tags: [], attributes: {} },
    ],
    Date.now(),
  );
  password = created[0]!.mqttCredentials.password;
  app = express();
  const authentication = createAuthentication(db);
  app.use('/mqtt', brokerRoutes({ db, authentication, topicPrefixes: ['$emqx/things', 'fleet'] }));
  app.use(problemHandler(pino({ level: 'silent' })));
});
afterEach(async () => {
  await db.destroy();
  rmSync(directory, { recursive: true });
});

const ask = (call: string, body: object, key: { apiKey: string; apiSecret: string } = broker) =>
  request(app).post(`/mqtt/${call}`).auth(key.apiKey, key.apiSecret).send(body);
const connecting = (rest: object) => ({ username: 'boiler', password, clientid: 'boiler-client', ...rest });
async function result(call: string, body: object): Promise<string> {
  const answer = await ask(call, body).expect(200);
  return answer.body.result;
}

describe('who may connect', () => {
  it('is a thing with its name, its password and its client id', async () => {
    const { body } = await ask('auth', connecting({ peerhost: '10.0.0.1', more: true })).expect(200);
    expect(body).toEqual({ result: 'allow', is_superuser: false });
    for (const wrong of [
      { password: 'x' },
      { clientid: 'other' },
      { username: 'nobody' },
      { username: 'other' },
      { username: '', password: '' },
      { username: '?' },
      { username: '?boiler' },
      { username: undefined, password: undefined },
    ])
      expect(await result('auth', connecting(wrong))).toBe('deny');
    await markThingDeleted(db, 'boiler', Date.now());
    expect(await result('auth', connecting({}))).toBe('deny');
  });

  it('may be told more behind its name, as AWS SDKs do', async () => {
    for (const more of ['?SDK=JavaScript&Version=2.2.16', '?', `?x=${'y'.repeat(2_000)}`])
      expect(await result('auth', connecting({ username: `boiler${more}` }))).toBe('allow');
    const asked = { action: 'publish', topic: 'fleet/boiler/jobs/get' };
    expect(await result('acl', { username: 'boiler?SDK=Python', ...asked })).toBe('allow');
    expect(await result('acl', { username: 'other?boiler', ...asked })).toBe('deny');
  });

  it("is Muster's bridge with an API key for it, and no other key", async () => {
    const asBridge = (key: ApiKeyWithSecret, secret = key.apiSecret) =>
      ask('auth', { username: key.apiKey, password: secret, clientid: 'muster-bridge-split-0-of-8' });
    expect((await asBridge(bridge)).body).toEqual({ result: 'allow', is_superuser: true });
    expect((await asBridge(bridge, 'wrong')).body).toEqual({ result: 'deny', is_superuser: false });
    const console = await newKey('/api/v1');
    expect((await asBridge(console)).body).toEqual({ result: 'deny', is_superuser: false });
  });

  it('is never a bridge under the name of a thing', async () => {
    await registerThings(db, [{ name: bridge.apiKey, tags: [], attributes: {} }], Date.now());
    const { body } = await ask('auth', {
      username: bridge.apiKey,
      password: bridge.apiSecret,
      clientid: 'muster-x',
    });
    expect(body).toEqual({ result: 'deny', is_superuser: false });
  });

  it('cannot be found out by trying: wrong secrets of a bridge end in 429, for that address alone', async () => {
    const guess = (peerhost: string, secret: string) =>
      ask('auth', { username: bridge.apiKey, password: secret, clientid: 'c', peerhost });
    for (let i = 0; i < 100; i++) await guess('10.0.0.1', 'wrong').expect(200);
    await guess('10.0.0.1', 'wrong').expect(429);
    await guess('10.0.0.2', bridge.apiSecret).expect(200, { result: 'allow', is_superuser: true });
    expect(await result('auth', connecting({ peerhost: '10.0.0.1' }))).toBe('allow');
  });
});

test.each([
  ['publish', '$emqx/things/boiler/jobs/get', 'allow'],
  ['publish', 'fleet/boiler/jobs/job-1/update', 'allow'],
  ['publish', 'fleet/boiler/telemetry', 'allow'],
  ['publish', 'fleet/boiler/jobs/get/accepted', 'deny'],
  ['publish', 'fleet/boiler/jobs/notify', 'deny'],
  ['publish', 'fleet/boiler/jobs/one/two/three', 'deny'],
  ['publish', 'fleet/other/jobs/get', 'deny'],
  ['publish', 'elsewhere', 'deny'],
  ['subscribe', 'fleet/boiler/jobs/#', 'allow'],
  ['subscribe', 'fleet/boiler/#', 'allow'],
  ['subscribe', 'fleet/+/jobs/#', 'deny'],
  ['subscribe', 'fleet/#', 'deny'],
  ['subscribe', '#', 'deny'],
  ['subscribe', '$SYS/#', 'deny'],
  ['subscribe', '$share/g/fleet/other/jobs/#', 'deny'],
])('%s %s: %s', async (action, topic, expected) => {
  expect(await result('acl', { username: 'boiler', clientid: 'boiler-client', action, topic })).toBe(
    expected,
  );
});

test('whoever is no thing may do nothing', async () => {
  const topic = 'fleet/nobody/jobs/get';
  expect(await result('acl', { username: 'nobody', action: 'publish', topic })).toBe('deny');
  expect(await result('acl', { action: 'publish', topic: 'fleet//jobs/get' })).toBe('deny');
});

test('whoever asks needs a key that permits it, and says what is asked', async () => {
  await request(app).post('/mqtt/auth').send(connecting({})).expect(401);
  await ask('auth', connecting({}), await newKey('/api/v1')).expect(403);
  await ask('auth', connecting({}), { ...broker, apiSecret: 'x' }).expect(401);
  await ask('auth', { username: 'boiler' }).expect(400);
  await ask('acl', { username: 'boiler', action: 'connect', topic: 'x' }).expect(400);
  await request(app)
    .post('/mqtt/acl')
    .auth(broker.apiKey, broker.apiSecret)
    .type('json')
    .send('{')
    .expect(400);
});
