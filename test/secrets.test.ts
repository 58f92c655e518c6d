/** What is secret is found nowhere but where it is handed out: no log, metric, problem document or file tells it. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import { connectDevice, createThing, type Credentials } from './support/device';
import { createJob, untilExecution } from './support/jobs';
import { startMuster, type Muster } from './support/muster';
import { findPostgres, startPostgres, type Postgres } from './support/postgres';

const DATABASE_PASSWORD = 'database-password-8c1f';
const PAYLOAD_KEY = randomBytes(32).toString('base64');

let muster: Muster;
let postgres: Postgres | undefined;
/** By what it is. */
const secrets: Record<string, string> = {};
/** Answers that are no success. */
const refusals: string[] = [];

beforeAll(async () => {
  postgres = findPostgres() ? await startPostgres() : undefined;
  muster = await startMuster({
    env: {
      LOG_LEVEL: 'trace',
      MUSTER_PAYLOAD_KEY: PAYLOAD_KEY,
      ...(postgres && { DATABASE_URL: withPassword(await postgres.createDatabase()) }),
    },
    outputKept: 100_000_000,
  });
  secrets['payload key'] = PAYLOAD_KEY;
  secrets['secret of the first administrator'] = muster.secret;
});
afterAll(async () => {
  await muster?.stop();
  await postgres?.destroy();
});

function withPassword(url: string): string {
  secrets['password of the database'] = DATABASE_PASSWORD;
  return Object.assign(new URL(url), { password: DATABASE_PASSWORD }).href;
}

const basic = (user: string, secret: string) => {
  const encoded = Buffer.from(`${user}:${secret}`).toString('base64');
  secrets[`Authorization of ${user}`] = encoded;
  return { authorization: `Basic ${encoded}` };
};

async function call(method: string, apiPath: string, headers: Record<string, string>, body?: unknown) {
  const response = await fetch(`${muster.http}/api/v1${apiPath}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) refusals.push(text);
  return { response, text };
}

/** A key of its own, its session, and everything that can go wrong with them. */
async function useKeys(): Promise<void> {
  const permissions = [{ methods: ['*'], pathPrefix: '/' }];
  const { body } = await muster.api('POST', '/api-keys', { name: 'other', permissions });
  const { apiKey, apiSecret } = body as { apiKey: string; apiSecret: string };
  secrets['secret of a new key'] = apiSecret;
  secrets['a wrong secret'] = 'wrong-secret-77d2';
  await call('GET', '/jobs', basic(apiKey, apiSecret));
  await call('GET', '/jobs', basic('nobody', secrets['a wrong secret']));
  await call('POST', '/session', {}, { apiKey, apiSecret: secrets['a wrong secret'] });
  await call('POST', '/session', {}, { apiKey, apiSecret, more: true });
  await call('POST', '/session', {}, `{"apiSecret": "${apiSecret}`);

  const { response, text } = await call('POST', '/session', {}, { apiKey, apiSecret });
  const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  const { csrfToken } = JSON.parse(text) as { csrfToken: string };
  Object.assign(secrets, { cookie: cookie.split('=')[1], 'CSRF token': csrfToken });
  await call('POST', '/thing-types', { cookie }, { name: 'a' });
  await call('POST', '/thing-types', { cookie, 'x-csrf-token': csrfToken }, { name: 'a' });
  await call('POST', '/thing-types', { cookie, 'x-csrf-token': csrfToken }, { name: 'a' });
  await call('DELETE', '/session', { cookie, 'x-csrf-token': csrfToken });
  await call('GET', '/session', { cookie });
}

/** A thing that does a job over MQTT, and another one over HTTPS; renewed credentials; wrong ones. */
async function useThings(): Promise<void> {
  const old = await createThing(muster, 'boiler');
  const { body } = await muster.api('POST', '/things/boiler/credentials');
  const { mqttCredentials } = body as { mqttCredentials: Credentials };
  Object.assign(secrets, { 'old password': old.password, 'new password': mqttCredentials.password });
  await expect(mqtt.connectAsync(muster.mqtt, { ...old, reconnectPeriod: 0 })).rejects.toThrow();

  const device = await connectDevice(muster, mqttCredentials);
  const jobId = await createJob(muster, { targets: { thingNames: ['boiler'] }, document: { a: 1 } });
  await untilExecution(muster, jobId, 'boiler', { status: 'QUEUED' });
  await device.request('start-next');
  await device.client.endAsync();
  await call('POST', '/thing-datas/jobs/get', basic('boiler', old.password), { thingName: 'boiler' });
  const authorization = basic('boiler', mqttCredentials.password);
  const report = { thingName: 'boiler', status: 'SUCCEEDED' };
  await call('POST', `/thing-datas/jobs/${jobId}/update`, authorization, { ...report, status: 'DONE' });
  const done = await call('POST', `/thing-datas/jobs/${jobId}/update`, authorization, report);
  expect(done.response.status).toBe(200);
}

test('nobody is told a secret', async () => {
  await useKeys();
  await useThings();
  const metrics = await (await fetch(`${muster.http}/metrics`)).text();
  const endpoints = fs.readFileSync(path.join(muster.dataDir, 'endpoints.json'), 'utf8');
  const about = JSON.stringify((await muster.api('GET', '/about')).body);
  const places = { metrics, endpoints, about, refusals: refusals.join('\n'), log: muster.output() };

  expect(refusals.length).toBeGreaterThanOrEqual(8);
  expect(places.log).toMatch(/"level":"(debug|trace)"/);
  for (const [where, text] of Object.entries(places)) {
    const told = Object.entries(secrets).filter(([, secret]) => text.includes(secret));
    expect({ where, told: told.map(([what]) => what) }).toEqual({ where, told: [] });
  }
});

(findPostgres() ? test : test.skip)(
  'among them the password of PostgreSQL (apt-get install postgresql)',
  () => {
    expect(secrets['password of the database']).toBe(DATABASE_PASSWORD);
  },
);
