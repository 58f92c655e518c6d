import pino from 'pino';
import type { DeviceService } from '../devices/service';
import { createBridge } from './bridge';

interface Asked {
  what: string;
  thingName: string;
  jobId?: string;
  request: unknown;
}

/** A bridge over a service that answers everything but reports, which its workflow would answer. */
function bridge(service: Partial<DeviceService> = {}) {
  const asked: Asked[] = [];
  const published: { topic: string; body: Record<string, unknown> }[] = [];
  const counted: string[] = [];
  const devices: DeviceService = {
    getPending: (thingName, request) => {
      asked.push({ what: 'get', thingName, request });
      return Promise.resolve({ accepted: true, json: '{"inProgressJobs":[]}' });
    },
    describe: (thingName, jobId, request) => {
      asked.push({ what: 'describe', thingName, jobId, request });
      return Promise.resolve({ accepted: false, code: 'ResourceNotFound', json: '{}' });
    },
    startNext: (thingName, request) => {
      asked.push({ what: 'start-next', thingName, request });
      return Promise.resolve(undefined);
    },
    update: (thingName, jobId, request) => {
      asked.push({ what: 'update', thingName, jobId, request });
      return Promise.resolve(undefined);
    },
    ...service,
  };
  const { handle } = createBridge({
    prefixes: ['$emqx/things', 'fleet/things'],
    devices,
    publisher: {
      publish: (topic, json) => {
        published.push({ topic, body: JSON.parse(json) as Record<string, unknown> });
        return Promise.resolve();
      },
    },
    metrics: { bridgeMessage: (kind, answer) => counted.push(`${kind} ${answer}`) },
    log: pino({ level: 'silent' }),
  });
  const send = (topic: string, body: unknown) =>
    handle(topic, Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)), 't1');
  return { send, handle, asked, published, counted };
}

test('answers go out under the prefix that the request came in on', async () => {
  const { send, published } = bridge();
  await send('fleet/things/t1/jobs/get', {});
  await send('$emqx/things/t1/jobs/j1/get', {});
  expect(published).toEqual([
    { topic: 'fleet/things/t1/jobs/get/accepted', body: { inProgressJobs: [] } },
    { topic: '$emqx/things/t1/jobs/j1/get/rejected', body: {} },
  ]);
});

test('start-next and update carry their topic to the workflow, which answers', async () => {
  const { send, asked, published, counted } = bridge();
  const topic = '$emqx/things/t1/jobs/j1/update';
  await send(topic, { status: 'SUCCEEDED', expectedVersion: '2', clientToken: 'c', unknown: 1 });
  await send('fleet/things/t1/jobs/start-next', Buffer.alloc(0));
  expect(asked).toEqual([
    {
      what: 'update',
      thingName: 't1',
      jobId: 'j1',
      request: {
        kind: 'update',
        status: 'SUCCEEDED',
        expectedVersion: 2,
        includeJobExecutionState: false,
        includeJobDocument: false,
        clientToken: 'c',
        topic,
        receivedAt: expect.any(Number) as number,
      },
    },
    {
      what: 'start-next',
      thingName: 't1',
      request: {
        kind: 'start-next',
        topic: 'fleet/things/t1/jobs/start-next',
        receivedAt: expect.any(Number) as number,
      },
    },
  ]);
  expect(published).toEqual([]);
  expect(counted).toEqual(['update taken', 'start-next taken']);
});

test.each([
  ['InvalidTopic', 'fleet/things/t1/jobs/j1/get/more', {}],
  ['InvalidTopic', 'fleet/things/t1/jobs', {}],
  ['InvalidJson', 'fleet/things/t1/jobs/get', Buffer.from('nonsense')],
  ['InvalidRequest', 'fleet/things/t1/jobs/j1/update', { status: 'QUEUED' }],
  ['InvalidRequest', 'fleet/things/t1/jobs/get', Buffer.alloc(1024 * 1024)],
])('%s on %s', async (code, topic, body) => {
  const { send, asked, published } = bridge();
  await send(topic, body);
  expect(asked).toEqual([]);
  expect(published).toEqual([
    {
      topic: `${topic}/rejected`,
      body: {
        code,
        message: expect.any(String) as string,
        timestamp: expect.any(Number) as number,
      },
    },
  ]);
});

test('a rejection carries the clientToken', async () => {
  const { send, published } = bridge();
  await send('fleet/things/t1/jobs/j1/update', { clientToken: 'c-1' });
  expect(published[0]?.body).toMatchObject({ code: 'InvalidRequest', clientToken: 'c-1' });
});

test('what is ours is thrown, so that the device is not acknowledged', async () => {
  const { send, published } = bridge({ update: () => Promise.reject(new Error('Temporal is out of reach')) });
  await expect(send('fleet/things/t1/jobs/j1/update', { status: 'FAILED' })).rejects.toThrow('out of reach');
  expect(published).toEqual([]);
});

test('what is ours is answered when it was tried often enough', async () => {
  const { handle, published } = bridge({ update: () => Promise.reject(new Error('a fault')) });
  const topic = 'fleet/things/t1/jobs/j1/update';
  await handle(topic, Buffer.from('{"status":"FAILED","clientToken":"c"}'), 't1', true);
  expect(published).toEqual([
    {
      topic: `${topic}/rejected`,
      body: expect.objectContaining({ code: 'InternalError', clientToken: 'c' }) as object,
    },
  ]);
});

test('other topics of the thing are left alone', async () => {
  const { send, asked, published } = bridge();
  await send('fleet/things/t1/shadow', {});
  await send('fleet/things/t2/jobs/get', {});
  expect([...asked, ...published]).toEqual([]);
});
