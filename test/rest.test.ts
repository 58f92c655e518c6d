/** PROTOCOL.md §3 on a real Muster: what the REST API lets in, refuses and answers. */
import { connectDevice, createThing } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Answer, type Muster } from './support/muster';

const DOCUMENT = { action: 'restart' };
const A_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

let muster: Muster;
let things = 0;

beforeAll(async () => {
  muster = await startMuster();
});

afterAll(() => muster?.stop());

const get = (path: string) => muster.api('GET', path);
const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
  muster.api('POST', path, body, headers);
const remove = (path: string) => muster.api('DELETE', path);
const newName = () => `thing-${++things}`;
const newThing = (fields?: Record<string, unknown>) => createThing(muster, newName(), fields);

interface Job {
  jobId: string;
  status: string;
  executionCounts: Record<string, number>;
}

async function newJob(fields: Record<string, unknown>): Promise<Job> {
  const answer = await post('/jobs', { document: DOCUMENT, ...fields });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body as Job;
}

/** A job on a new thing that never answers. */
async function runningJob(): Promise<{ jobId: string; thingName: string }> {
  const { username: thingName } = await newThing();
  const { jobId } = await newJob({ targets: { thingNames: [thingName] } });
  await eventually(async () => {
    expect(await get(`/jobs/${jobId}/executions/${thingName}`)).toMatchObject({ body: { status: 'QUEUED' } });
  });
  return { jobId, thingName };
}

/** A request as no client of ours would make it. */
function raw(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${muster.key}:${muster.secret}`).toString('base64')}`;
  return fetch(`${muster.http}/api/v1${path}`, { method, headers: { authorization, ...headers }, body });
}

function expectProblem(answer: Answer, status: number, code: string, ...paths: string[]): void {
  expect(answer).toMatchObject({
    status,
    body: {
      type: `urn:muster:problem:${code}`,
      title: expect.any(String),
      status,
      detail: expect.stringMatching(/\w/),
      code,
    },
  });
  expect(answer.headers.get('content-type')).toMatch('application/problem+json');
  if (paths.length > 0) {
    const { errors } = answer.body as { errors: { path: string }[] };
    expect(errors.map(({ path }) => path).sort()).toEqual(paths.sort());
  }
}

describe('a job is refused', () => {
  it('for targets that do not exist, each of which is named, and nothing is made', async () => {
    const { username } = await newThing();
    const before = await get('/jobs?limit=250');
    const answer = await post('/jobs', {
      document: DOCUMENT,
      targets: { thingNames: [username, 'nobody', 'nobody-else'], thingGroupNames: ['nowhere'] },
    });
    expectProblem(
      answer,
      422,
      'UnknownTarget',
      'targets.thingNames.1',
      'targets.thingNames.2',
      'targets.thingGroupNames.0',
    );
    expect(JSON.stringify(answer.body)).toMatch(/"nobody\\".*"nobody-else\\".*"nowhere\\"/);
    expect((await get('/jobs?limit=250')).body).toEqual(before.body);
  });

  it.each([
    ['without targets', { document: {} }, 'targets'],
    ['with empty targets', { document: {}, targets: {} }, 'targets'],
    ['with empty lists', { document: {}, targets: { thingNames: [], thingGroupNames: [] } }, 'targets'],
    ['without a document', { targets: { thingNames: ['a'] } }, 'document'],
    ['with an array as document', { targets: { thingNames: ['a'] }, document: [{}] }, 'document'],
    ['with a text as document', { targets: { thingNames: ['a'] }, document: '{}' }, 'document'],
    [
      'with a document over 32 KiB',
      { targets: { thingNames: ['a'] }, document: { x: 'x'.repeat(32_768) } },
      'document',
    ],
    [
      'with a name that has a slash',
      { targets: { thingNames: ['a/b'] }, document: {} },
      'targets.thingNames.0',
    ],
    ['with a name that has a plus', { targets: { thingNames: ['+'] }, document: {} }, 'targets.thingNames.0'],
    ['with a name that has a hash', { targets: { thingNames: ['#'] }, document: {} }, 'targets.thingNames.0'],
    [
      'with a name of 129',
      { targets: { thingNames: ['x'.repeat(129)] }, document: {} },
      'targets.thingNames.0',
    ],
    ['with an unknown field', { targets: { thingNames: ['a'] }, document: {}, priority: 1 }, 'priority'],
    [
      'with an unknown field inside',
      { targets: { thingNames: ['a'], all: true }, document: {} },
      'targets.all',
    ],
    ['with an unknown type', { targets: { thingNames: ['a'] }, document: {}, jobType: 'LATER' }, 'jobType'],
    [
      'with no time at all',
      { targets: { thingNames: ['a'] }, document: {}, timeoutConfig: { inProgressTimeoutInMinutes: 0 } },
      'timeoutConfig.inProgressTimeoutInMinutes',
    ],
  ])('%s', async (_what, body, path) => {
    expectProblem(await post('/jobs', body), 400, 'InvalidRequest', path);
  });

  it('with every fault named at once', async () => {
    const answer = await post('/jobs', { jobType: 'LATER', targets: { thingNames: ['a/b'] }, x: 1 });
    expectProblem(answer, 400, 'InvalidRequest', 'jobType', 'targets.thingNames.0', 'document', 'x');
  });

  it('when the body is no JSON object in a fair size', async () => {
    const json = { 'content-type': 'application/json' };
    const answers = [
      [await raw('POST', '/jobs', json, '{"targets":'), 400, 'InvalidJson'],
      [await raw('POST', '/jobs', json, '[]'), 400, 'InvalidJson'],
      [await raw('POST', '/jobs', json, 'null'), 400, 'InvalidJson'],
      [await raw('POST', '/jobs', json), 400, 'InvalidRequest'],
      [await raw('POST', '/jobs', json, `{"name":"${'x'.repeat(3 * 1024 * 1024)}"}`), 413, 'PayloadTooLarge'],
      [await raw('POST', '/jobs', { 'content-type': 'text/plain' }, '{}'), 415, 'UnsupportedMediaType'],
      [
        await raw('POST', '/jobs', { ...json, 'content-encoding': 'zstd' }, '{}'),
        415,
        'UnsupportedMediaType',
      ],
    ] as const;
    for (const [response, status, code] of answers) {
      expect(await response.json()).toMatchObject({ status, code });
      expect(response.status).toBe(status);
    }
  });
});

describe('a job', () => {
  it('is there when its 201 is, with everything that was asked', async () => {
    const { username } = await newThing();
    const answer = await post('/jobs', {
      name: 'first',
      description: 'The first one',
      targets: { thingNames: [username, username] },
      document: DOCUMENT,
      timeoutConfig: { inProgressTimeoutInMinutes: 0.5 },
    });
    expect(answer).toMatchObject({ status: 201 });
    const { jobId } = answer.body as Job;
    expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${jobId}`);
    const read = await get(`/jobs/${jobId}`);
    expect(read).toMatchObject({
      status: 200,
      body: {
        jobId,
        name: 'first',
        description: 'The first one',
        jobType: 'SNAPSHOT',
        status: 'IN_PROGRESS',
        document: DOCUMENT,
        timeoutConfig: { inProgressTimeoutInMinutes: 0.5 },
        createdAt: A_TIME,
        completedAt: null,
      },
    });
    expect(Object.keys((read.body as Job).executionCounts)).toHaveLength(8);
    const { body: list } = await get('/jobs?limit=1');
    expect(list).toMatchObject({ items: [{ jobId, targets: { thingCount: 1, thingGroupNames: [] } }] });
    await eventually(async () => {
      expect(await get(`/jobs/${jobId}`)).toMatchObject({ body: { executionCounts: { QUEUED: 1 } } });
    });
  });

  it('on a group that is empty is COMPLETED at once', async () => {
    await post('/thing-groups', { name: 'empty group' });
    const { jobId } = await newJob({ targets: { thingGroupNames: ['empty group'] } });
    await eventually(async () => {
      expect(await get(`/jobs/${jobId}`)).toMatchObject({
        body: { status: 'COMPLETED', completedAt: A_TIME },
      });
    });
  });

  it('is made once for an Idempotency-Key, also by requests at the same time', async () => {
    const { username } = await newThing();
    const body = { targets: { thingNames: [username] }, document: DOCUMENT };
    const key = { 'Idempotency-Key': `key-${username}` };
    const answers = await Promise.all([1, 2, 3].map(() => post('/jobs', body, key)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => (answer.body as Job).jobId)).size).toBe(1);
    expectProblem(await post('/jobs', { ...body, name: 'other' }, key), 422, 'IdempotencyKeyReused');
    expectProblem(
      await post('/jobs', body, { 'Idempotency-Key': 'a b' }),
      400,
      'InvalidRequest',
      'Idempotency-Key',
    );
  });

  it('that is unknown is not found', async () => {
    const unknown = '/jobs/00000000-0000-4000-8000-000000000000';
    expectProblem(await get(unknown), 404, 'JobNotFound');
    expectProblem(await get(`${unknown}/executions`), 404, 'JobNotFound');
    expectProblem(await post(`${unknown}/cancel`, {}), 404, 'JobNotFound');
    expectProblem(await remove(unknown), 404, 'JobNotFound');
    expectProblem(await post(`${unknown}/executions/x/cancel`), 404, 'ExecutionNotFound');
    expectProblem(await remove(`${unknown}/executions/x`), 404, 'ExecutionNotFound');
  });

  it('is canceled without a body, once', async () => {
    const { jobId, thingName } = await runningJob();
    expect(await post(`/jobs/${jobId}/cancel`)).toMatchObject({
      status: 200,
      body: { jobId, status: 'CANCELED' },
    });
    expectProblem(await post(`/jobs/${jobId}/cancel`), 409, 'JobNotActive');
    await eventually(async () => {
      expect(await get(`/jobs/${jobId}/executions/${thingName}`)).toMatchObject({
        body: { status: 'CANCELED' },
      });
    });
  });

  it('keeps the reasons it was canceled for', async () => {
    const { jobId } = await runningJob();
    expectProblem(
      await post(`/jobs/${jobId}/cancel`, { reasonCode: 'because' }),
      400,
      'InvalidRequest',
      'reasonCode',
    );
    expectProblem(await post(`/jobs/${jobId}/cancel?force=1`), 400, 'InvalidRequest', 'force');
    const cancellation = { reasonCode: 'USER_CANCEL', comment: 'Pausing rollout for investigation' };
    expect(await post(`/jobs/${jobId}/cancel`, cancellation)).toMatchObject({
      status: 200,
      body: cancellation,
    });
  });

  it('that is running is deleted with force only', async () => {
    const { jobId } = await runningJob();
    expectProblem(await remove(`/jobs/${jobId}`), 409, 'JobActive');
    expect(await remove(`/jobs/${jobId}?force=true`)).toMatchObject({
      status: 202,
      body: { jobId, status: 'DELETION_IN_PROGRESS' },
    });
    await eventually(async () => expectProblem(await get(`/jobs/${jobId}`), 404, 'JobNotFound'));
  });
});

describe('an execution', () => {
  it('is canceled at the expected version only, and tells its transitions', async () => {
    const { jobId, thingName } = await runningJob();
    const path = `/jobs/${jobId}/executions/${thingName}`;
    expectProblem(await post(`${path}/cancel`, { expectedVersion: 7 }), 409, 'VersionMismatch');
    expect(await post(`${path}/cancel`, { expectedVersion: 1, comment: 'not this one' })).toMatchObject({
      status: 200,
      body: { status: 'CANCELED' },
    });
    expectProblem(await post(`${path}/cancel`), 409, 'InvalidStateTransition');
    expect((await get(path)).body).toMatchObject({
      versionNumber: 2,
      finishedAt: A_TIME,
      transitions: [
        { versionNumber: 1, from: null, to: 'QUEUED', at: A_TIME },
        { versionNumber: 2, from: 'QUEUED', to: 'CANCELED', by: `key:${muster.key}`, reason: 'not this one' },
      ],
    });
  });

  it('that a device works on is canceled and deleted with force only', async () => {
    const credentials = await newThing();
    const device = await connectDevice(muster, credentials);
    const { jobId } = await newJob({ targets: { thingNames: [device.name] } });
    await device.next('notify');
    await device.request('start-next', {});
    const path = `/jobs/${jobId}/executions/${device.name}`;
    expectProblem(await post(`${path}/cancel`, {}), 409, 'InvalidStateTransition');
    expectProblem(await remove(path), 409, 'InvalidStateTransition');
    expect(await remove(`${path}?force=true`)).toMatchObject({ status: 204 });
    expectProblem(await get(path), 404, 'ExecutionNotFound');
    await device.close();
  });

  it('is found by job, by status, by the beginning of its name and by thing', async () => {
    const names = ['find-a1', 'find-a2', 'find-b1'];
    for (const name of names) await createThing(muster, name);
    const { jobId } = await newJob({ targets: { thingNames: names } });
    const found = async (path: string) => {
      const { body } = await get(path);
      return (body as { items: { thingName: string }[] }).items.map(({ thingName }) => thingName);
    };
    await eventually(async () => expect(await found(`/jobs/${jobId}/executions`)).toEqual(names));
    expect(await found(`/jobs/${jobId}/executions?thingName=find-a`)).toEqual(['find-a1', 'find-a2']);
    expect(await found(`/jobs/${jobId}/executions?status=SUCCEEDED`)).toEqual([]);
    expect(await found('/things/find-b1/jobs?status=QUEUED')).toEqual(['find-b1']);

    const first = await get(`/jobs/${jobId}/executions?limit=2`);
    const { nextCursor } = first.body as { nextCursor: string };
    expect(await found(`/jobs/${jobId}/executions?limit=2&cursor=${nextCursor}`)).toEqual(['find-b1']);
  });
});

describe('lists', () => {
  it.each([
    ['/jobs?limit=0', 'limit'],
    ['/jobs?limit=1000', 'limit'],
    ['/jobs?limit=x', 'limit'],
    ['/things?cursor=none', 'cursor'],
    ['/jobs?cursor=none', 'cursor'],
    ['/jobs?status=OPEN', 'status'],
    ['/jobs?sort=name', 'sort'],
  ])('refuse %s', async (path, field) => {
    expectProblem(await get(path), 400, 'InvalidRequest', field);
  });
});

describe('keys', () => {
  const as = (key: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`,
  });

  it('open what they permit until they are revoked', async () => {
    const created = await post('/api-keys', {
      name: 'dashboard',
      permissions: [{ methods: ['GET'], pathPrefix: '/api/v1/jobs' }],
    });
    expect(created).toMatchObject({ status: 201 });
    const { apiKey, apiSecret } = created.body as { apiKey: string; apiSecret: string };
    const call = (method: string, path: string) => muster.api(method, path, undefined, as(apiKey, apiSecret));
    expect(await call('GET', '/jobs')).toMatchObject({ status: 200 });
    expectProblem(await call('GET', '/things'), 403, 'Forbidden');
    expectProblem(await call('DELETE', '/jobs/x'), 403, 'Forbidden');
    expectProblem(await muster.api('GET', '/jobs', undefined, as(apiKey, 'wrong')), 401, 'Unauthenticated');
    expectProblem(
      await muster.api('GET', '/jobs', undefined, as('nobody', apiSecret)),
      401,
      'Unauthenticated',
    );
    expect(await remove(`/api-keys/${apiKey}`)).toMatchObject({ status: 204 });
    expectProblem(await call('GET', '/jobs'), 401, 'Unauthenticated');
    expect(muster.output()).not.toMatch(apiSecret);
  });
});

describe('things', () => {
  it('of a type cannot lose it from under them', async () => {
    expect(await post('/thing-types', { name: 'com.example.lamp' })).toMatchObject({ status: 201 });
    const { username } = await newThing({ thingTypeName: 'com.example.lamp' });
    expectProblem(await remove('/thing-types/com.example.lamp'), 409, 'ThingTypeInUse');
    const group = `/thing-groups/${encodeURIComponent('com.example.lamp (default)')}`;
    expect(await get(`${group}/things`)).toMatchObject({ body: { items: [{ name: username }] } });
    expectProblem(await muster.api('PUT', `${group}/things/${username}`), 409, 'GroupNotEditable');
    const { jobId } = await newJob({ targets: { thingGroupNames: ['com.example.lamp (default)'] } });
    await eventually(async () => {
      expect(await get(`/jobs/${jobId}`)).toMatchObject({ body: { executionCounts: { QUEUED: 1 } } });
    });
  });

  it('that are deleted have their pending executions REMOVED, and their name is free', async () => {
    const { jobId, thingName } = await runningJob();
    expect(await remove(`/things/${thingName}`)).toMatchObject({ status: 204 });
    expectProblem(await get(`/things/${thingName}`), 404, 'ThingNotFound');
    await eventually(async () => {
      expect(await get(`/jobs/${jobId}`)).toMatchObject({
        body: { status: 'COMPLETED', executionCounts: { QUEUED: 0, REMOVED: 1 } },
      });
    });
    expect(await post('/things', { name: thingName })).toMatchObject({ status: 201 });
  });

  it('are registered by thousands, and refused one by one', async () => {
    const { username } = await newThing();
    const names = Array.from({ length: 2_000 }, (_, i) => `bulk-${i}`);
    const answer = await post('/things/bulk', {
      things: [...names, username, 'bulk-0'].map((name) => ({ name, tags: ['bulk'] })),
    });
    expect(answer).toMatchObject({ status: 200 });
    const { created, refused } = answer.body as { created: unknown[]; refused: unknown[] };
    expect(created).toHaveLength(2_000);
    expect(refused).toMatchObject([
      { index: 2_000, name: username, code: 'AlreadyExists' },
      { index: 2_001, name: 'bulk-0', code: 'AlreadyExists' },
    ]);
    expect(await get('/things?tag=bulk&name=bulk-199&limit=1')).toMatchObject({
      body: { items: [{ name: 'bulk-199', tags: ['bulk'] }], nextCursor: expect.any(String) },
    });
  });
});

describe('devices over HTTPS', () => {
  it('take, do and report their jobs with their own credentials', async () => {
    const { username: thingName, password } = await newThing();
    const { username: other } = await newThing();
    const { jobId } = await newJob({ targets: { thingNames: [thingName] } });
    const authorization = `Basic ${Buffer.from(`${thingName}:${password}`).toString('base64')}`;
    const ask = (path: string, body: object) =>
      post(`/thing-datas/jobs${path}`, { thingName, ...body }, { authorization });

    await eventually(async () => {
      expect(await ask('/get', {})).toMatchObject({
        status: 200,
        body: { inProgressJobs: [], queuedJobs: [{ jobId }] },
      });
    });
    expect(await ask('/$next/get', {})).toMatchObject({ body: { execution: { jobId, status: 'QUEUED' } } });
    expect(await ask('/start-next', { clientToken: 't-1' })).toMatchObject({
      status: 200,
      body: {
        execution: { jobId, thingName, status: 'IN_PROGRESS', jobDocument: DOCUMENT },
        clientToken: 't-1',
      },
    });
    const stale = await ask(`/${jobId}/update`, {
      status: 'SUCCEEDED',
      expectedVersion: 1,
      clientToken: 't-2',
    });
    expectProblem(stale, 409, 'VersionMismatch');
    expect(stale.body).toMatchObject({ clientToken: 't-2', executionState: { versionNumber: 2 } });
    expectProblem(await ask(`/${jobId}/update`, { status: 'QUEUED' }), 400, 'InvalidRequest', 'status');
    expectProblem(await ask('/none/update', { status: 'SUCCEEDED' }), 404, 'ResourceNotFound');
    expect(
      await ask(`/${jobId}/update`, { status: 'SUCCEEDED', includeJobExecutionState: true }),
    ).toMatchObject({ status: 200, body: { executionState: { status: 'SUCCEEDED', versionNumber: 3 } } });
    expectProblem(await ask(`/${jobId}/update`, { status: 'FAILED' }), 409, 'InvalidStateTransition');
    expect(await ask('/start-next', {})).toMatchObject({
      status: 200,
      body: { timestamp: expect.any(Number) },
    });

    expectProblem(await ask('/get', { thingName: other }), 403, 'Forbidden');
    expectProblem(await muster.api('GET', '/jobs', undefined, { authorization }), 401, 'Unauthenticated');
    await eventually(async () =>
      expect(await get(`/jobs/${jobId}`)).toMatchObject({ body: { status: 'COMPLETED' } }),
    );
  });
});

describe('without a key', () => {
  it.each(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'])('%s answers', async (path) => {
    expect((await fetch(`${muster.http}${path}`)).status).toBe(200);
  });

  it('nothing else does', async () => {
    expect((await fetch(`${muster.http}/api/v1/jobs`)).status).toBe(401);
    expect((await fetch(`${muster.http}/nothing`)).status).toBe(404);
  });
});
