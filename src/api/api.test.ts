import type { Payload, PayloadCodec } from '@temporalio/common';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Express } from 'express';
import pino from 'pino';
import request from 'supertest';
import { MusterError } from '../contract/errors';
import { problem } from '../contract/rest';
import { ROUTES, type Route } from '../contract/routes';
import { parseKeeping } from '../domain/json-text';
import { foldName } from '../domain/search';
import type { DeviceService } from '../devices/service';
import { createApiKey, ensureAdminKey } from '../store/api-keys';
import { openStore, type Db } from '../store/database';
import { createApi, type Readiness } from './app';
import { createEventHub, type EventHub } from './event-hub';
import type { JobCommands } from './job-commands';
import { withinLimit } from './mount';
import { resumeThingDeletions } from './thing-deletion';

const ADMIN = { apiKey: 'admin', apiSecret: 'a secret of some length' };

/** Where Temporal is not at hand: notes what was asked, and makes the row that a real create would make. */
class FakeCommands implements JobCommands {
  readonly asked: [string, ...unknown[]][] = [];
  failure: Error | undefined;
  constructor(private readonly db: Db) {}

  async create(job: Parameters<JobCommands['create']>[0]): Promise<void> {
    await this.note('create', job);
    await this.db
      .insertInto('jobs')
      .values({
        jobId: job.jobId,
        name: job.name ?? null,
        foldedName: foldName(job.name ?? ''),
        jobType: job.jobType,
        status: 'IN_PROGRESS',
        dispatch: 'ALL',
        description: job.description ?? null,
        documentJson: job.documentJson,
        thingNamesJson: JSON.stringify(job.targets.thingNames),
        groupNamesJson: JSON.stringify(job.targets.thingGroupNames),
        thingCount: job.targets.thingNames.length,
        timeoutConfigJson: JSON.stringify(job.timeoutConfig),
        membershipSeq: 0,
        createdBy: job.createdBy,
        requestHash: job.requestHash ?? null,
        createdAt: Date.now(),
        lastUpdatedAt: Date.now(),
      })
      .execute();
  }
  cancel = (...args: unknown[]) => this.note('cancel', ...args);
  delete = (...args: unknown[]) => this.note('delete', ...args);
  cancelExecution = (...args: unknown[]) => this.note('cancelExecution', ...args);
  deleteExecution = (...args: unknown[]) => this.note('deleteExecution', ...args);
  removeExecutionsOf = (...args: unknown[]) => this.note('removeExecutionsOf', ...args);
  membershipChanged = (groupNames: readonly string[]) =>
    void this.asked.push(['membershipChanged', groupNames]);

  private note(what: string, ...args: unknown[]): Promise<void> {
    this.asked.push([what, ...args]);
    return this.failure ? Promise.reject(this.failure) : Promise.resolve();
  }
}

let directory: string;
let db: Db;
let commands: FakeCommands;
let devices: jest.Mocked<DeviceService>;
let disconnected: string[];
let readiness: Readiness;
let logged: { level: number; msg?: string; err?: unknown }[];
let events: EventHub;
let consoleDir: string;
let app: Express;

/** A store that knows the administrator; each test has a copy. */
const template = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
beforeAll(async () => {
  const store = await openStore({ file: path.join(template, 'muster.db') });
  await ensureAdminKey(store, ADMIN);
  await store.destroy();
});
afterAll(() => rmSync(template, { recursive: true }));

const TEMPORAL_UI = 'https://temporal.example.com';
/** Turns bytes around, and can't decode what begins with an X. */
const codec: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads.map(reversed)),
  decode: (payloads) =>
    Buffer.from(payloads[0]?.data ?? [])
      .toString()
      .startsWith('X')
      ? Promise.reject(new Error('The key is missing.'))
      : Promise.resolve(payloads.map(reversed)),
};
const reversed = ({ data, ...rest }: Payload) => ({ ...rest, data: Uint8Array.from(data ?? []).reverse() });

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
  cpSync(template, directory, { recursive: true });
  db = await openStore({ file: path.join(directory, 'muster.db') });
  commands = new FakeCommands(db);
  devices = { getPending: jest.fn(), describe: jest.fn(), startNext: jest.fn(), update: jest.fn() };
  disconnected = [];
  readiness = { ready: true, checks: { store: 'ok' } };
  logged = [];
  const log = pino({ level: 'debug' }, { write: (line) => void logged.push(JSON.parse(line) as never) });
  events = createEventHub({ db, log });
  consoleDir = path.join(directory, 'console');
  app = createApi({
    db,
    commands,
    devices,
    health: { checkReady: () => Promise.resolve(readiness) },
    metrics: { render: () => Promise.resolve('muster_jobs 1\n'), contentType: 'text/plain; version=0.0.4' },
    log,
    about: {
      temporal: { namespace: 'default', uiUrl: `${TEMPORAL_UI}/base` },
      mqtt: { url: 'mqtt://127.0.0.1:1883', topicPrefixes: ['$emqx/things'] },
    },
    events,
    codec,
    knowsConnections: true,
    proxies: 0,
    consoleDir,
    sessions: {
      disconnect: (thingName) => void disconnected.push(thingName),
      forget: () => Promise.resolve(),
    },
  });
});
afterEach(async () => {
  events.stop();
  await db.destroy();
  rmSync(directory, { recursive: true });
});

/** Answers hold all fields that the contract tells of, and no others. */
function expectAsDocumented(method: string, url: string, { status, body, text }: request.Response): void {
  const route = Object.values<Route>(ROUTES).find(
    (one) => one.method === method && new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(url),
  );
  if (status === route?.status && route.answer) {
    const answer = parseKeeping(text, 'document');
    expect(answer).toEqual(route.answer.parse(answer));
  }
  if (status >= 400) expect(body).toEqual(problem.parse(body));
}

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
function call(method: Method, url: string, key = ADMIN): request.Test {
  const [path = ''] = url.split('?');
  const asked = request(app)[method](`/api/v1${url}`).auth(key.apiKey, key.apiSecret);
  return asked.expect((answer) => expectAsDocumented(method, path, answer));
}
const post = (url: string, body: object) => call('post', url).send(body);
const registerThing = (name: string, rest: object = {}) => post('/things', { name, ...rest }).expect(201);
const JOB = { targets: { thingNames: ['a'] }, document: { action: 'restart' } };

describe('authentication', () => {
  it('refuses who has no key, an unknown, a wrong or a revoked one', async () => {
    const revoked = await createApiKey(
      db,
      { name: 'x', permissions: [{ methods: ['*'], pathPrefix: '/' }] },
      Date.now(),
    );
    await call('get', '/jobs', revoked).expect(200);
    await call('delete', `/api-keys/${revoked.apiKey}`).expect(204);

    await request(app)
      .get('/api/v1/jobs')
      .expect(401)
      .expect('WWW-Authenticate', /^Basic/);
    await request(app).get('/api/v1/jobs').set('authorization', 'Bearer x').expect(401);
    await request(app).get('/api/v1/nothing').expect(401);
    await call('get', '/jobs', { ...ADMIN, apiSecret: 'wrong' }).expect(401);
    await call('get', '/jobs', { apiKey: 'nobody', apiSecret: 'x' }).expect(401);
    const { body } = await call('get', '/jobs', revoked).expect(401);
    expect(body).toMatchObject({ code: 'Unauthenticated', status: 401, title: 'Not authenticated' });
    await call('delete', `/api-keys/${revoked.apiKey}`).expect(404);
  });

  it('lets a key do what it permits and nothing else', async () => {
    const { body: reader } = await post('/api-keys', {
      name: 'reader',
      permissions: [{ methods: ['GET'], pathPrefix: '/api/v1/things' }],
    }).expect(201);
    expect(reader).toEqual({
      apiKey: expect.stringMatching(/^mk_/) as string,
      apiSecret: expect.any(String) as string,
      name: 'reader',
      permissions: [{ methods: ['GET'], pathPrefix: '/api/v1/things' }],
      createdAt: expect.any(String) as string,
    });
    await call('get', '/things', reader as never).expect(200);
    await call('get', '/jobs', reader as never).expect(403);
    const { body } = await call('post', '/things', reader as never)
      .send({ name: 'a' })
      .expect(403);
    expect(body).toMatchObject({ code: 'Forbidden' });
    const { body: list } = await call('get', '/api-keys').expect(200);
    expect(JSON.stringify(list)).not.toMatch(/secret/i);
  });

  it('checks one key for many calls at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => call('get', '/jobs')));
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
  });

  it('throttles guesses, but not who is known', async () => {
    await call('get', '/jobs').expect(200);
    const guesses = Array.from({ length: 30 }, () =>
      request(app).get('/api/v1/jobs').set('authorization', 'none'),
    );
    for (const guess of guesses) await guess.expect(401);
    for (let i = 0; i < 100; i++) await call('get', '/jobs', { apiKey: 'nobody', apiSecret: `${i}` });
    const { body, headers } = await call('get', '/jobs', { apiKey: 'nobody', apiSecret: 'x' }).expect(429);
    expect(body).toMatchObject({ code: 'RequestThrottled' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    await call('get', '/jobs').expect(200);
  });
});

describe('the first administrator', () => {
  it('is made up once where nobody is given', async () => {
    await db.deleteFrom('api_keys').execute();
    const made = await ensureAdminKey(db, undefined);
    expect(made?.apiKey).toMatch(/^mk_/);
    expect(await ensureAdminKey(db, undefined)).toBeUndefined();
    await call('get', '/jobs', made).expect(200);
  });

  it('has the given secret from now on', async () => {
    await call('get', '/jobs').expect(200);
    await ensureAdminKey(db, { ...ADMIN, apiSecret: 'another one' });
    await call('get', '/jobs').expect(401);
    await call('get', '/jobs', { ...ADMIN, apiSecret: 'another one' }).expect(200);
  });
});

describe('bad requests', () => {
  it('name what is wrong as a problem document', async () => {
    const { body, headers } = await post('/jobs', {
      jobType: 'NOW',
      targets: { thingNames: ['a/b', 'ok'], groups: [] },
      timeoutConfig: { inProgressTimeoutInMinutes: 0.001 },
      extra: 1,
    }).expect(400);
    expect(headers['content-type']).toMatch('application/problem+json');
    expect(body).toMatchObject({
      type: 'urn:muster:problem:InvalidRequest',
      title: 'Invalid request',
      status: 400,
      code: 'InvalidRequest',
    });
    const { errors } = body as { errors: { path: string; message: string }[] };
    expect(errors.map((error) => error.path).sort()).toEqual([
      'document',
      'extra',
      'jobType',
      'targets.groups',
      'targets.thingNames.0',
      'timeoutConfig.inProgressTimeoutInMinutes',
    ]);
    expect(errors.find((error) => error.path === 'targets.thingNames.0')!.message).toBe(
      'must be 1 to 128 of letters, digits, ":", "_", "-" and ".", but not "." or ".."; it is "a/b"',
    );
    expect(logged.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it.each([
    ['no targets', { document: {} }, 'targets'],
    ['empty targets', { document: {}, targets: {} }, 'targets'],
    ['empty lists', { document: {}, targets: { thingNames: [], thingGroupNames: [] } }, 'targets'],
    ['no document', { targets: { thingNames: ['a'] } }, 'document'],
    ['an array as document', { targets: { thingNames: ['a'] }, document: [] }, 'document'],
    ['a text as document', { targets: { thingNames: ['a'] }, document: '{}' }, 'document'],
    ['null as document', { targets: { thingNames: ['a'] }, document: null }, 'document'],
    ['a document over 32 KiB', { ...JOB, document: { x: 'é'.repeat(16_384) } }, 'document'],
    ['a name of 129 characters', { ...JOB, name: 'x'.repeat(129) }, 'name'],
    ['a name with a control character', { ...JOB, name: 'a\u0000' }, 'name'],
    ['a description of 2,029 characters', { ...JOB, description: 'x'.repeat(2_029) }, 'description'],
    [
      'a timeout over a week',
      { ...JOB, timeoutConfig: { queuedTimeoutInMinutes: 10_081 } },
      'timeoutConfig.queuedTimeoutInMinutes',
    ],
    [
      'null as timeout',
      { ...JOB, timeoutConfig: { queuedTimeoutInMinutes: null } },
      'timeoutConfig.queuedTimeoutInMinutes',
    ],
    ['a group with a plus', { ...JOB, targets: { thingGroupNames: ['a+b'] } }, 'targets.thingGroupNames.0'],
    ['10,001 things', { ...JOB, targets: { thingNames: Array(10_001).fill('a') } }, 'targets.thingNames'],
  ])('a job with %s', async (_what, body, field) => {
    const answer = await post('/jobs', body).expect(400);
    expect(answer.body).toMatchObject({ code: 'InvalidRequest', errors: [{ path: field }] });
    expect(commands.asked).toEqual([]);
  });

  it('a job with a document that is too deep to be written', async () => {
    const deep = '['.repeat(6_000) + ']'.repeat(6_000);
    const answer = await call('post', '/jobs')
      .type('json')
      .send(`{"targets":{"thingNames":["a"]},"document":{"x":${deep}}}`)
      .expect(400);
    expect(answer.body).toMatchObject({ code: 'InvalidRequest', errors: [{ path: 'document' }] });
  });

  it.each(['', 'a/b', 'a+', '#', 'x'.repeat(129), 'a b', 'ä', 7, null])('a thing named %p', async (name) => {
    const { body } = await post('/things', { name }).expect(400);
    expect(body).toMatchObject({ code: 'InvalidRequest', errors: [{ path: 'name' }] });
  });

  it.each([
    ['/jobs?limit=0', 'limit'],
    ['/jobs?limit=1000', 'limit'],
    ['/jobs?limit=x', 'limit'],
    ['/jobs?limit=1&limit=2', 'limit'],
    ['/jobs?cursor=x', 'cursor'],
    ['/jobs?status=DONE', 'status'],
    ['/jobs?state=COMPLETED', 'state'],
    ['/things?tag=', 'tag'],
  ])('GET %s', async (url, field) => {
    const { body } = await call('get', url).expect(400);
    expect(body).toMatchObject({ code: 'InvalidRequest', errors: [{ path: field }] });
  });

  it('a cursor of another list', async () => {
    await registerThing('a');
    await registerThing('b');
    const { body } = await call('get', '/things?limit=1').expect(200);
    const { nextCursor } = body as { nextCursor: string };
    await call('get', `/things?cursor=${nextCursor}`).expect(200);
    await call('get', `/jobs?cursor=${nextCursor}`).expect(400);
  });

  it('bodies that are no JSON objects of a fair size', async () => {
    const send = (text: string, type = 'application/json') =>
      call('post', '/jobs').set('content-type', type).send(text);
    expect((await send('{"a":').expect(400)).body).toMatchObject({ code: 'InvalidJson' });
    expect((await send('[]').expect(400)).body).toMatchObject({ code: 'InvalidJson' });
    expect((await send('"x"').expect(400)).body).toMatchObject({ code: 'InvalidJson' });
    expect((await send('<a/>', 'text/xml').expect(415)).body).toMatchObject({ code: 'UnsupportedMediaType' });
    expect((await send('{}', 'application/json; charset=latin9').expect(415)).body).toMatchObject({
      code: 'UnsupportedMediaType',
    });
    const large = await send(JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) })).expect(413);
    expect(large.body).toMatchObject({ code: 'PayloadTooLarge' });
    expect((await call('post', '/jobs').expect(400)).body).toMatchObject({ errors: [{ path: 'body' }] });
    expect(logged.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('paths and methods that there are not', async () => {
    expect((await call('get', '/nothing').expect(404)).body).toMatchObject({ code: 'NotFound' });
    expect((await request(app).get('/nothing').expect(404)).body).toMatchObject({ code: 'NotFound' });
    expect((await call('get', '/Jobs').expect(404)).body).toMatchObject({ code: 'NotFound' });
    const refused = await call('put', '/jobs').expect(405).expect('Allow', 'POST, GET');
    expect(refused.body).toMatchObject({ code: 'MethodNotAllowed' });
    expect((await call('get', '/things/%zz').expect(400)).body).toMatchObject({ code: 'InvalidRequest' });
  });

  it.each([
    ['get', '/jobs/x', 'JobNotFound'],
    ['get', '/jobs/x/executions', 'JobNotFound'],
    ['get', '/jobs/x/executions/a', 'JobNotFound'],
    ['delete', '/jobs/x', 'JobNotFound'],
    ['get', '/things/x', 'ThingNotFound'],
    ['get', '/things/x/jobs', 'ThingNotFound'],
    ['delete', '/things/x', 'ThingNotFound'],
    ['post', '/things/x/credentials', 'ThingNotFound'],
    ['delete', '/things/x/credentials', 'ThingNotFound'],
    ['get', '/thing-types/x', 'ThingTypeNotFound'],
    ['delete', '/thing-types/x', 'ThingTypeNotFound'],
    ['get', '/thing-groups/x', 'ThingGroupNotFound'],
    ['get', '/thing-groups/x/things', 'ThingGroupNotFound'],
    ['put', '/thing-groups/x/things/a', 'ThingGroupNotFound'],
  ] as const)('%s %s is %s', async (method, url, code) => {
    expect((await call(method, url).expect(404)).body).toMatchObject({ code });
  });
});

describe('faults of ours', () => {
  it('tell nothing of the inside and are logged once', async () => {
    commands.failure = new Error('password of the database is x');
    await registerThing('a');
    const { body } = await post('/jobs', JOB).expect(500);
    expect(body).toMatchObject({ code: 'InternalError' });
    expect(JSON.stringify(body)).not.toMatch(/database|stack|\.ts/);
    expect(logged.filter(({ err }) => err)).toHaveLength(1);
  });

  it('are a 503 where Temporal is out of reach', async () => {
    commands.failure = Object.assign(new Error('14 UNAVAILABLE'), { name: 'ServiceError' });
    await registerThing('a');
    expect((await post('/jobs', JOB).expect(503)).body).toMatchObject({ code: 'ServiceUnavailable' });
  });

  it('are a 503, too, where there is no outcome in time', async () => {
    const forever = new Promise<never>(() => undefined);
    await expect(withinLimit(forever, 10)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    await expect(withinLimit(Promise.resolve('in time'), 10_000)).resolves.toBe('in time');
  });

  it('log no secrets', async () => {
    await registerThing('a');
    const text = JSON.stringify(logged);
    expect(text).toMatch('/api/v1/things');
    expect(text).not.toMatch(/authorization|Basic|password/i);
  });
});

describe('jobs', () => {
  beforeEach(() => registerThing('a'));

  it('are created, found and listed', async () => {
    await post('/thing-groups', { name: 'a (b)' }).expect(201);
    const { body, headers } = await post('/jobs', {
      ...JOB,
      name: 'Nightly 100%',
      targets: { thingNames: ['a'], thingGroupNames: ['a (b)'] },
    }).expect(201);
    const { jobId } = body as { jobId: string };
    expect(headers.location).toBe(`/api/v1/jobs/${jobId}`);
    expect(body).toEqual({
      jobId: expect.stringMatching(/^[0-9a-f]{8}-/) as string,
      name: 'Nightly 100%',
      jobType: 'SNAPSHOT',
      status: 'IN_PROGRESS',
      description: null,
      targets: { thingNames: ['a'], thingGroupNames: ['a (b)'] },
      document: { action: 'restart' },
      timeoutConfig: {},
      forceCanceled: false,
      reasonCode: null,
      comment: null,
      createdBy: 'key:admin',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      lastUpdatedAt: expect.any(String) as string,
      completedAt: null,
      executionCounts: {
        QUEUED: 0,
        IN_PROGRESS: 0,
        SUCCEEDED: 0,
        FAILED: 0,
        REJECTED: 0,
        TIMED_OUT: 0,
        CANCELED: 0,
        REMOVED: 0,
      },
      targetCounts: { total: 1, launched: 0, notLaunched: 1 },
    });
    expect((await call('get', `/jobs/${jobId}`).expect(200)).body).toEqual(body);

    await db
      .insertInto('job_counts')
      .values([
        { jobId, shard: 0, status: 'QUEUED', n: 3 },
        { jobId, shard: 1, status: 'QUEUED', n: 4 },
      ])
      .execute();
    for (const [query, found] of [
      ['', 1],
      ['?name=NIGHTLY%20100%25', 1],
      ['?name=y_1', 0],
      ['?status=IN_PROGRESS&jobType=SNAPSHOT', 1],
      ['?status=CANCELED', 0],
    ] as const) {
      const { body: list } = await call('get', `/jobs${query}`).expect(200);
      expect((list as { items: unknown[] }).items).toHaveLength(found);
    }
    const { body: list } = await call('get', '/jobs');
    expect(list).toMatchObject({
      items: [
        { jobId, targets: { thingCount: 1, thingGroupNames: ['a (b)'] }, executionCounts: { QUEUED: 7 } },
      ],
      nextCursor: null,
    });
    expect(list).not.toHaveProperty('items.0.document');
  });

  it('are listed newest first, page by page, through equal times', async () => {
    for (let i = 0; i < 5; i++) await post('/jobs', JOB).expect(201);
    await db.updateTable('jobs').set({ createdAt: 1_000 }).execute();
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor && `&cursor=${cursor}`;
      const { body } = await call('get', `/jobs?limit=2${query}`).expect(200);
      const page = body as { items: { jobId: string }[]; nextCursor: string | null };
      seen.push(...page.items.map(({ jobId }) => jobId));
      cursor = page.nextCursor;
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toEqual([...seen].sort().reverse());
  });

  it('for unknown things and groups name each and start nothing', async () => {
    const { body } = await post('/jobs', {
      document: {},
      targets: { thingNames: ['x', 'a', 'y'], thingGroupNames: ['z'] },
    }).expect(422);
    expect(body).toMatchObject({
      code: 'UnknownTarget',
      errors: [
        { path: 'targets.thingNames.0', message: 'there is no thing "x"' },
        { path: 'targets.thingNames.2', message: 'there is no thing "y"' },
        { path: 'targets.thingGroupNames.0', message: 'there is no thing group "z"' },
      ],
    });
    expect(commands.asked).toEqual([['membershipChanged', []]]);
  });

  it('are made once under an Idempotency-Key', async () => {
    const create = (key: string, body: object) =>
      call('post', '/jobs').set('Idempotency-Key', key).send(body);
    const first = await create('k-1', JOB).expect(201);
    const again = await create('k-1', { document: JOB.document, targets: JOB.targets }).expect(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.location).toBe(first.headers.location);
    expect((await create('k-1', { ...JOB, name: 'other' }).expect(422)).body).toMatchObject({
      code: 'IdempotencyKeyReused',
    });
    const other = await create('k-2', JOB).expect(201);
    expect(other.body).not.toMatchObject({ jobId: (first.body as { jobId: string }).jobId });
    expect(commands.asked.filter(([what]) => what === 'create')).toHaveLength(2);
    for (const bad of ['x'.repeat(256), 'a b', 'é']) {
      expect((await create(bad, JOB).expect(400)).body).toMatchObject({
        errors: [{ path: 'Idempotency-Key' }],
      });
    }
  });

  it('are canceled and deleted as asked', async () => {
    const { body: job } = await post('/jobs', JOB).expect(201);
    const { jobId } = job as { jobId: string };
    commands.asked.length = 0;
    await call('post', `/jobs/${jobId}/cancel`).expect(200);
    await call('post', `/jobs/${jobId}/cancel?force=true`)
      .send({ reasonCode: 'X_1', comment: 'y' })
      .expect(200);
    await post(`/jobs/${jobId}/cancel`, { force: true }).expect(200);
    await post(`/jobs/${jobId}/cancel`, { reasonCode: 'lower' }).expect(400);
    await post(`/jobs/${jobId}/cancel?force=yes`, {}).expect(400);
    await post(`/jobs/${jobId}/cancel`, { force: 'true' }).expect(400);
    const { body: gone } = await call('delete', `/jobs/${jobId}?force=true`).expect(202);
    expect(gone).toMatchObject({ jobId });
    expect(commands.asked).toEqual([
      ['cancel', jobId, { by: 'key:admin', force: false }],
      ['cancel', jobId, { by: 'key:admin', force: true, reasonCode: 'X_1', comment: 'y' }],
      ['cancel', jobId, { by: 'key:admin', force: true }],
      ['delete', jobId, { by: 'key:admin', force: true }],
    ]);
    commands.failure = new MusterError('JobNotActive', 'The job is CANCELED.');
    expect((await call('post', `/jobs/${jobId}/cancel`).expect(409)).body).toMatchObject({
      code: 'JobNotActive',
      detail: 'The job is CANCELED.',
    });
  });

  it('show executions with their transitions', async () => {
    const { body: job } = await post('/jobs', JOB).expect(201);
    const { jobId } = job as { jobId: string };
    const row = { jobId, executionNumber: 1, versionNumber: 2, queuedAt: 1_000, lastUpdatedAt: 2_000 };
    for (const [i, thingName] of ['a', 'b1', 'b2'].entries()) {
      await db
        .insertInto('executions')
        .values({
          ...row,
          thingName,
          shard: 0,
          status: i ? 'QUEUED' : 'FAILED',
          statusDetailsJson: i ? null : '{"why":"x"}',
          jobCreatedAt: 1,
        })
        .execute();
    }
    const transition = { jobId, thingName: 'a', executionNumber: 1, by: 'device' };
    await db
      .insertInto('transitions')
      .values([
        {
          ...transition,
          versionNumber: 2,
          from: 'QUEUED',
          to: 'FAILED',
          at: 2_000,
          statusDetailsJson: '{"why":"x"}',
        },
        { ...transition, versionNumber: 1, from: null, to: 'QUEUED', at: 1_000 },
      ])
      .execute();

    const { body } = await call('get', `/jobs/${jobId}/executions/a`).expect(200);
    expect(body).toEqual({
      jobId,
      thingName: 'a',
      status: 'FAILED',
      statusDetails: { why: 'x' },
      versionNumber: 2,
      executionNumber: 1,
      queuedAt: '1970-01-01T00:00:01.000Z',
      startedAt: null,
      lastUpdatedAt: '1970-01-01T00:00:02.000Z',
      finishedAt: null,
      transitions: [
        expect.objectContaining({ versionNumber: 1, from: null, to: 'QUEUED', statusDetails: null }),
        expect.objectContaining({
          versionNumber: 2,
          to: 'FAILED',
          by: 'device',
          statusDetails: { why: 'x' },
        }),
      ],
    });
    const things = async (url: string) => {
      const { body: list } = await call('get', url).expect(200);
      return (list as { items: { thingName: string }[] }).items.map(({ thingName }) => thingName);
    };
    expect(await things(`/jobs/${jobId}/executions`)).toEqual(['a', 'b1', 'b2']);
    expect(await things(`/jobs/${jobId}/executions?thingName=b`)).toEqual(['b1', 'b2']);
    expect(await things(`/jobs/${jobId}/executions?status=FAILED`)).toEqual(['a']);
    expect(await things('/things/a/jobs?status=FAILED')).toEqual(['a']);
    expect(await things('/things/a/jobs?status=QUEUED')).toEqual([]);
    const missing = await call('get', `/jobs/${jobId}/executions/c`).expect(404);
    expect(missing.body).toMatchObject({ code: 'ExecutionNotFound' });

    const state = { status: 'FAILED', versionNumber: 2 } as const;
    commands.failure = new MusterError('VersionMismatch', 'No.', { executionState: state });
    const refused = await post(`/jobs/${jobId}/executions/a/cancel`, { expectedVersion: 1 }).expect(409);
    expect(refused.body).toMatchObject({ code: 'VersionMismatch', executionState: state });
    commands.failure = undefined;
    await post(`/jobs/${jobId}/executions/a/cancel?force=true`, { reasonCode: 'R', comment: 'c' }).expect(
      200,
    );
    await call('delete', `/jobs/${jobId}/executions/a?force=true`).expect(204);
    expect(commands.asked.slice(-2)).toEqual([
      ['cancelExecution', jobId, 'a', { by: 'key:admin', force: true, reason: 'R: c' }],
      ['deleteExecution', jobId, 'a', { by: 'key:admin', force: true }],
    ]);
  });
});

describe('the registry', () => {
  it('keeps things', async () => {
    await post('/thing-types', { name: 'lamp', description: 'Lamps' })
      .expect(201)
      .expect('Location', '/api/v1/thing-types/lamp');
    const { body: created } = await registerThing('a', {
      thingTypeName: 'lamp',
      tags: ['y', 'x', 'x'],
      attributes: { k: 'v' },
      mqttClientId: 'c-1',
    });
    expect(created).toMatchObject({
      name: 'a',
      tags: ['x', 'y'],
      attributes: { k: 'v' },
      mqttCredentials: { clientId: 'c-1', username: 'a', password: expect.any(String) as string },
    });
    const { body: found } = await call('get', '/things/a').expect(200);
    const { mqttCredentials, ...rest } = created as { mqttCredentials: unknown };
    expect(mqttCredentials).toBeDefined();
    expect(found).toEqual(rest);
    await post('/things', { name: 'a' }).expect(409);
    await post('/things', { name: 'b', mqttClientId: 'muster-bridge' }).expect(409);
    await call('patch', '/things/a').send({ mqttClientId: 'muster-bridge' }).expect(409);
    expect((await post('/things', { name: 'b', thingTypeName: 'none' }).expect(422)).body).toMatchObject({
      code: 'UnknownThingType',
    });
    await call('patch', '/things/a').send({ name: 'b' }).expect(400);
    const { body: patched } = await call('patch', '/things/a')
      .send({ thingTypeName: null, mqttClientId: 'c-2' })
      .expect(200);
    expect(patched).toMatchObject({ thingTypeName: null, tags: ['x', 'y'], mqttClientId: 'c-2' });
    expect(disconnected).toEqual(['a']);
    expect(commands.asked).toEqual([
      ['membershipChanged', ['lamp (default)']],
      ['membershipChanged', ['lamp (default)']],
    ]);
  });

  it('registers many and says whom it refused', async () => {
    await registerThing('a');
    const { body } = await post('/things/bulk', {
      things: [{ name: 'b' }, { name: 'a' }, { name: 'b' }],
    }).expect(200);
    expect(body).toMatchObject({
      created: [{ name: 'b', mqttCredentials: { username: 'b' } }],
      refused: [
        { index: 1, name: 'a', code: 'AlreadyExists' },
        { index: 2, name: 'b', code: 'AlreadyExists' },
      ],
    });
    expect(
      (await post('/things/bulk', { things: [{ name: 'c' }, { name: 'c/d' }] }).expect(400)).body,
    ).toMatchObject({
      errors: [{ path: 'things.1.name' }],
    });
    await call('get', '/things/c').expect(404);
  });

  it('keeps groups whose names hold blanks and brackets', async () => {
    await registerThing('a', { tags: ['t'] });
    await registerThing('b');
    const url = `/thing-groups/${encodeURIComponent('my group (1)')}`;
    await post('/thing-groups', { name: 'my group (1)' }).expect(201).expect('Location', `/api/v1${url}`);
    await post(`${url}/things`, { add: ['a', 'b'] }).expect(200);
    await call('delete', `${url}/things/b`).expect(204);
    await call('put', `${url}/things/a`).expect(204);
    expect((await call('get', url).expect(200)).body).toMatchObject({ kind: 'EXPLICIT', thingCount: 1 });
    expect((await call('get', `${url}/things`).expect(200)).body).toMatchObject({
      items: [{ name: 'a' }],
      nextCursor: null,
    });
    expect((await post(`${url}/things`, { add: ['nobody'] }).expect(422)).body).toMatchObject({
      code: 'UnknownThing',
    });
    await post(`${url}/things`, {}).expect(400);
    await post(`${url}/things`, { add: ['a'], remove: ['a'] }).expect(400);
    await call('put', `${url}/things/nobody`).expect(404);

    await post('/thing-groups', { name: 'tagged', tags: ['t'] }).expect(201);
    expect((await call('get', '/thing-groups/tagged')).body).toMatchObject({
      kind: 'DYNAMIC',
      thingCount: 1,
      tags: ['t'],
    });
    expect((await call('put', '/thing-groups/tagged/things/b').expect(409)).body).toMatchObject({
      code: 'GroupNotEditable',
    });
    await post('/thing-groups', { name: 'tagged' }).expect(409);
    await call('delete', url).expect(204);
    await call('delete', url).expect(404);
  });

  it('renews and revokes credentials, and has the device disconnected', async () => {
    await registerThing('a');
    const { body } = await call('post', '/things/a/credentials').expect(200);
    expect(body).toMatchObject({ name: 'a', mqttCredentials: { clientId: 'a', username: 'a' } });
    await call('delete', '/things/a/credentials').expect(204);
    expect(disconnected).toEqual(['a', 'a']);
  });

  it('deletes a thing with its executions, also after a crash in between', async () => {
    await registerThing('a');
    commands.asked.length = 0;
    commands.failure = Object.assign(new Error('down'), { name: 'ServiceError' });
    await call('delete', '/things/a').expect(503);
    await call('get', '/things/a').expect(404);
    expect((await post('/things', { name: 'a' }).expect(409)).body).toMatchObject({
      detail: expect.stringMatching('being deleted') as string,
    });

    commands.failure = undefined;
    await resumeThingDeletions({ db, commands, log: pino({ level: 'silent' }) });
    await registerThing('a');
    await call('delete', '/things/a').expect(204);
    expect(
      commands.asked.filter(([what]) => what === 'removeExecutionsOf').map(([, ...args]) => args),
    ).toEqual([
      ['a', 'key:admin'],
      ['a', 'muster'],
      ['a', 'key:admin'],
    ]);
    expect(disconnected).toEqual(['a', 'a']);
  });
});

describe('devices over HTTPS', () => {
  let device: { apiKey: string; apiSecret: string };
  beforeEach(async () => {
    const { body } = await registerThing('a');
    await registerThing('b');
    const { password } = (body as { mqttCredentials: { password: string } }).mqttCredentials;
    device = { apiKey: 'a', apiSecret: password };
  });
  const ask = (url: string, body: object, key = device) =>
    call('post', `/thing-datas/jobs${url}`, key).send(body);

  it('use their own credentials for themselves only', async () => {
    devices.getPending.mockResolvedValue({
      accepted: true,
      json: JSON.stringify({ inProgressJobs: [], queuedJobs: [], timestamp: 1 }),
    });
    const { body } = await ask('/get', { thingName: 'a', clientToken: 't' }).expect(200);
    expect(body).toEqual({ inProgressJobs: [], queuedJobs: [], timestamp: 1 });
    expect(devices.getPending).toHaveBeenCalledWith('a', { clientToken: 't' });
    expect((await ask('/get', { thingName: 'b' }).expect(403)).body).toMatchObject({ code: 'Forbidden' });
    await ask('/get', { thingName: 'b' }, ADMIN).expect(200);
    await ask('/get', { thingName: 'nobody' }, ADMIN).expect(404);
    await call('get', '/things/a', device).expect(401);
  });

  it('start, describe and report', async () => {
    const answer = { accepted: true, json: '{"timestamp":1}' };
    devices.startNext.mockResolvedValue(answer);
    devices.describe.mockResolvedValue(answer);
    devices.update.mockResolvedValue(answer);
    await ask('/start-next', { thingName: 'a', stepTimeoutInMinutes: 1 }).expect(200);
    await ask('/$next/get', { thingName: 'a' }).expect(200);
    await ask('/j-1/update', { thingName: 'a', status: 'SUCCEEDED', expectedVersion: '2' }).expect(200);
    expect(devices.startNext).toHaveBeenCalledWith(
      'a',
      expect.objectContaining({
        kind: 'start-next',
        stepTimeoutInMinutes: 1,
        receivedAt: expect.any(Number) as number,
      }),
    );
    expect(devices.describe).toHaveBeenCalledWith('a', '$next', { includeJobDocument: true });
    expect(devices.update).toHaveBeenCalledWith(
      'a',
      'j-1',
      expect.objectContaining({ kind: 'update', status: 'SUCCEEDED', expectedVersion: 2 }),
    );
  });

  it('get problems with the codes that they would get over MQTT', async () => {
    const executionState = { status: 'SUCCEEDED', versionNumber: 3 };
    devices.update.mockResolvedValue({
      accepted: false,
      json: JSON.stringify({
        code: 'InvalidStateTransition',
        message: 'Terminal.',
        timestamp: 1,
        clientToken: 't',
        executionState,
      }),
    });
    const { body } = await ask('/j-1/update', { thingName: 'a', status: 'FAILED', clientToken: 't' }).expect(
      409,
    );
    expect(body).toMatchObject({
      code: 'InvalidStateTransition',
      detail: 'Terminal.',
      clientToken: 't',
      executionState,
    });
    const throttled = { code: 'RequestThrottled', message: 'Slower.', timestamp: 1 };
    devices.update.mockResolvedValue({ accepted: false, json: JSON.stringify(throttled) });
    const { headers } = await ask('/j-1/update', { thingName: 'a', status: 'FAILED' }).expect(429);
    expect(headers['retry-after']).toBe('1');
    expect((await ask('/j-1/update', { thingName: 'a', status: 'CANCELED' }).expect(400)).body).toMatchObject(
      {
        code: 'InvalidRequest',
        errors: [{ path: 'status' }],
      },
    );
    await ask('/get', {}).expect(400);
  });
});

describe('for those who run Muster', () => {
  it('tells health, readiness and metrics without a key', async () => {
    await request(app).get('/healthz').expect(200, { status: 'ok' });
    await request(app).get('/readyz').expect(200);
    readiness = { ready: false, checks: { temporal: 'out of reach' } };
    await request(app).get('/readyz').expect(503, readiness);
    await request(app)
      .get('/metrics')
      .expect(200, 'muster_jobs 1\n')
      .expect('content-type', /^text\/plain/);
  });

  it('shows its calls', async () => {
    const { body } = await request(app).get('/openapi.json').expect(200);
    expect(body).toMatchObject({ openapi: '3.1.0' });
    const { text, headers } = await request(app).get('/docs').expect(200);
    for (const [, source] of text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      await request(app).get(source!).expect(200);
    }
    expect(text).not.toMatch(/<script>|https?:/);
    expect(headers['content-security-policy']).toMatch("script-src 'self'");
    expect(headers['x-powered-by']).toBeUndefined();
  });
});

describe('the codec for Temporal', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const payloadOf = (text: string) => ({ metadata: { encoding: base64('json/plain') }, data: base64(text) });

  it('decodes and encodes, in the form of the codec server protocol', async () => {
    const body = { payloads: [payloadOf('cba'), { ...payloadOf(''), externalPayloads: [] }] };
    const decoded = await call('post', '/codec/decode').send(body).expect(200);
    expect(decoded.body).toEqual({ payloads: [payloadOf('abc'), payloadOf('')] });
    const encoded = await call('post', '/codec/encode').send(decoded.body).expect(200);
    expect(encoded.body).toEqual({ payloads: [payloadOf('cba'), payloadOf('')] });
    expect((await call('post', '/codec/decode').send({}).expect(200)).body).toEqual({ payloads: [] });
  });

  it('says why it can not', async () => {
    const answer = await call('post', '/codec/decode').send({ payloads: [payloadOf('X')] });
    expect(answer.body).toMatchObject({ status: 400, code: 'InvalidRequest', detail: 'The key is missing.' });
    await call('post', '/codec/decode')
      .send({ payloads: [{ data: 'not base64' }] })
      .expect(400);
  });

  it('asks for a permission, as any other call', async () => {
    const permissions = [{ methods: ['GET'], pathPrefix: '/api/v1' }];
    const { body: reader } = await post('/api-keys', { name: 'reader', permissions }).expect(201);
    await call('post', '/codec/decode', reader).send({ payloads: [] }).expect(403);
    await request(app).post('/api/v1/codec/decode').send({ payloads: [] }).expect(401);
  });

  it('lets a page of the Temporal UI call with a session, and no other page', async () => {
    const signedIn = await request(app).post('/api/v1/session').send(ADMIN).expect(201);
    const cookie = signedIn.get('Set-Cookie')![0]!.split(';')[0]!;
    const decode = (origin: string) =>
      request(app)
        .post('/api/v1/codec/decode')
        .set({ cookie, origin })
        .send({ payloads: [payloadOf('cba')] });
    const answer = await decode(TEMPORAL_UI).expect(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': TEMPORAL_UI,
      'access-control-allow-credentials': 'true',
    });
    expect((await decode('https://evil.example.com')).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
    // The rest of the API still wants the token that only pages of Muster can read.
    await request(app)
      .post('/api/v1/things')
      .set({ cookie, origin: TEMPORAL_UI })
      .send({ name: 'a' })
      .expect(403);

    const preflight = (path: string, origin: string) =>
      request(app).options(`/api/v1${path}`).set({
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-namespace',
      });
    const { headers } = await preflight('/codec/decode', TEMPORAL_UI).expect(204);
    expect(headers['access-control-allow-headers']).toBe('Authorization, Content-Type, X-Namespace');
    for (const refused of [
      preflight('/codec/decode', 'https://evil.example.com'),
      preflight('/things', TEMPORAL_UI),
    ]) {
      expect((await refused).headers).not.toHaveProperty('access-control-allow-origin');
    }
  });
});
