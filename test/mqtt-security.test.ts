/** Who may connect, and what a thing may do on the broker: with real clients on a real Muster. */
import { connectDevice, createThing, type Credentials, type Device } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

let muster: Muster;
let credentials: Credentials;
let other: Credentials;
const devices: Device[] = [];

beforeAll(async () => {
  muster = await startMuster({ env: { MUSTER_TOPIC_PREFIXES: '$emqx/things,fleet/things' } });
  credentials = await createThing(muster, 'thing-1', { mqttClientId: 'client-of-thing-1' });
  other = await createThing(muster, 'thing-10');
});

afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.close()));
});

afterAll(() => muster?.stop());

async function connected(who: Credentials, options?: Parameters<typeof connectDevice>[2]): Promise<Device> {
  const device = await connectDevice(muster, who, options);
  devices.push(device);
  return device;
}

const jobs = (name: string, suffix: string, prefix = '$emqx/things') => `${prefix}/${name}/jobs/${suffix}`;

describe('connecting', () => {
  test('with its own credentials', async () => {
    const device = await connected(credentials);
    expect(await device.request('get')).toMatchObject({ accepted: true });
  });

  test.each(['?SDK=JavaScript&Version=2.2.16', '?SDK=Python?x', '?'])(
    'with what AWS SDKs append to the user name: %s',
    async (more) => {
      const device = await connected({ ...credentials, username: `thing-1${more}` }, { prefixes: [] });
      await device.client.subscribeAsync(jobs('thing-1', 'get/accepted'), { qos: 1 });
      const answered = new Promise((resolve) => device.client.once('message', resolve));
      await device.publishRaw(jobs('thing-1', 'get'), '{}');
      expect(await answered).toBe(jobs('thing-1', 'get/accepted'));
    },
  );

  const anonymous = { clientId: 'client-of-thing-1' } as Credentials;
  test.each<[string, (own: Credentials) => Credentials, number]>([
    ['anonymously', () => anonymous, 5],
    ['with a user name that is nothing but ?', (own) => ({ ...own, username: '?SDK=Python' }), 5],
    ['without a password', (own) => ({ ...own, password: '' }), 5],
    ['with a wrong password', (own) => ({ ...own, password: 'guess' }), 4],
    ["with another thing's password", (own) => ({ ...own, password: other.password }), 4],
    ['with another client id', (own) => ({ ...own, clientId: 'thing-1' }), 4],
    ["with another thing's name", (own) => ({ ...own, username: other.username }), 4],
    ['as a thing that does not exist', (own) => ({ ...own, username: 'nobody' }), 4],
    ["with the administrator's key", (own) => ({ ...own, username: muster.key, password: muster.secret }), 4],
  ])('not %s', async (_how, presented, code) => {
    const attempt = connectDevice(muster, { ...presented(credentials) }, { prefixes: [] });
    await expect(attempt).rejects.toMatchObject({ code });
  });

  test('the newer of two connections stays', async () => {
    const first = await connected(credentials);
    const second = await connected(credentials);
    await first.closed();
    expect(await second.request('get')).toMatchObject({ accepted: true });
  });

  test('renewed credentials end the connection, and only the new ones work', async () => {
    const old = await createThing(muster, 'renewed');
    const device = await connected(old);
    const body = (await muster.api('POST', '/things/renewed/credentials')).body as unknown;
    await device.closed();
    await expect(connectDevice(muster, old)).rejects.toMatchObject({ code: 4 });
    const renewed = (body as { mqttCredentials: Credentials }).mqttCredentials;
    expect(await (await connected(renewed)).request('get')).toMatchObject({ accepted: true });
  });

  test('a deleted thing is cut off; its successor finds nothing of its session', async () => {
    const old = await createThing(muster, 'deleted');
    const device = await connected(old);
    expect(await muster.api('DELETE', '/things/deleted')).toMatchObject({ status: 204 });
    await device.closed();
    await expect(connectDevice(muster, old)).rejects.toMatchObject({ code: 4 });
    const successor = await connectAnew('deleted');
    expect(successor.sessionPresent).toBe(false);
  });

  /** Creates the thing as soon as its name is free again. */
  async function connectAnew(name: string): Promise<{ sessionPresent: boolean }> {
    const credentials = await eventually(() => createThing(muster, name));
    const device = await connected(credentials, { prefixes: [] });
    return { sessionPresent: device.sessionPresent };
  }
});

describe('publishing', () => {
  test.each<[string, string]>([
    ["another thing's request", jobs('thing-10', 'get')],
    ['a thing whose name begins alike', jobs('thing-1x', 'get')],
    ['the own name under a prefix that is not served', jobs('thing-1', 'get', '$aws/things')],
    ['a forged answer to itself', jobs('thing-1', 'get/accepted')],
    ['a forged rejection', jobs('thing-1', 'some-job/update/rejected')],
    ['a forged notification to itself', jobs('thing-1', 'notify')],
    ['a forged notify-next to another', jobs('thing-10', 'notify-next')],
    ["the broker's own topics", '$SYS/broker/heartbeat'],
    ['no thing at all', 'anything'],
  ])('%s: the connection is closed, and nobody hears of it', async (_what, topic) => {
    const victim = await connected(other);
    const device = await connected(credentials, { prefixes: ['$emqx/things'] });
    await expect(device.publishRaw(topic, '{}')).rejects.toThrow();
    await device.closed();
    // Whatever was to reach the victim would have been there before this answer.
    await victim.request('get', { clientToken: 'mine' });
    expect(victim.messages.map(({ suffix }) => suffix)).toEqual(['get/accepted']);
    const again = await connected(credentials);
    await again.request('get', { clientToken: 'mine' });
    expect(again.messages.map(({ suffix }) => suffix)).toEqual(['get/accepted']);
  });

  // A broker of others refuses what Muster does not hear; this one asks Muster.
  test.each([
    'update',
    'get/more',
    'start-next/now',
    'a/b/update',
    'a/b/c/get',
    '$next/update',
    'a/start-next',
  ])('the topic %s is InvalidTopic', async (suffix) => {
    const device = await connected(credentials);
    expect(await device.request(suffix, { status: 'SUCCEEDED' })).toMatchObject({
      accepted: false,
      body: { code: 'InvalidTopic', message: expect.any(String) as string },
    });
  });

  test('a refusal is told without a fault of ours', () => {
    expect(muster.output()).toContain('MQTT publish refused');
    expect(muster.output()).not.toMatch(/"level":"(warn|error|fatal)"/);
  });

  test('a packet over 2 MiB is cut off, and others are served on', async () => {
    const device = await connected(credentials);
    await expect(device.publishRaw(jobs('thing-1', 'get'), Buffer.alloc(3 * 1024 * 1024))).rejects.toThrow();
    await device.closed();
    expect(await (await connected(other)).request('get')).toMatchObject({ accepted: true });
  });

  test('a will is not published, wherever it points', async () => {
    const victim = await connected(other);
    const will = {
      topic: jobs('thing-10', 'notify'),
      payload: Buffer.from('{}'),
      qos: 1 as const,
      retain: true,
    };
    const device = await connected({ ...credentials, will } as Credentials);
    device.client.stream.destroy();
    await device.closed();
    await (await connected(credentials)).request('get');
    await victim.request('get');
    expect(victim.messages.map(({ suffix }) => suffix)).toEqual(['get/accepted']);
  });

  test('nothing can be retained', async () => {
    const device = await connected(credentials);
    await device.publishRaw(jobs('thing-1', 'get'), '{}', { retain: true });
    await device.publishRaw('$emqx/things/thing-1/planted', '{}', { retain: true });
    await device.next('get/accepted');
    await device.close();
    const again = await connected(credentials, { prefixes: [], clean: true });
    let received = 0;
    again.client.on('message', () => received++);
    await again.client.subscribeAsync('$emqx/things/thing-1/#', { qos: 1 });
    await again.publishRaw(jobs('thing-1', '$next/get'), '');
    await again.next('$next/get/accepted');
    expect(received).toBe(1);
  });
});

describe('subscribing', () => {
  test.each([
    '#',
    '+/#',
    '$emqx/#',
    '$emqx/things/#',
    '$emqx/things/+/jobs/#',
    '$emqx/things/+/jobs/notify',
    '$emqx/things/thing-10/jobs/#',
    'fleet/things/thing-10/#',
    '$share/group/$emqx/things/thing-1/jobs/#',
    '$SYS/#',
    '$emqx/things/thing-1',
  ])('not to %s', async (filter) => {
    const device = await connected(credentials, { prefixes: [] });
    const granted = await subscribe(device, filter);
    expect(granted).toEqual([128]);
  });

  test('own filters beside a refused one are granted, and the refused one is never served, not even later', async () => {
    const device = await connected(credentials, { prefixes: [] });
    const filters = [
      '$emqx/things/thing-10/jobs/#',
      '$emqx/things/thing-1/jobs/#',
      '$emqx/things/thing-1/+/notify',
    ];
    expect(await subscribe(device, ...filters)).toEqual([128, 1, 1]);
    await device.close();
    const victim = await connected(other);
    await victim.request('get');
    const again = await connected(credentials, { prefixes: [] });
    const topics: string[] = [];
    again.client.on('message', (topic) => topics.push(topic));
    await victim.request('get');
    await again.publishRaw(jobs('thing-1', 'get'), '');
    await again.next('get/accepted');
    expect(topics).toEqual([jobs('thing-1', 'get/accepted')]);
  });

  /** The return codes of SUBACK. */
  function subscribe(device: Device, ...filters: string[]): Promise<number[]> {
    return new Promise((resolve) => {
      device.client.on('packetreceive', (packet) => {
        if (packet.cmd === 'suback') resolve(packet.granted as number[]);
      });
      device.client.subscribe(filters, { qos: 1 }, () => {});
    });
  }
});

test('who tries secrets of API keys over HTTP, hundreds at once, holds up no thing', async () => {
  const device = await connected(credentials);
  const statuses: number[] = [];
  const guess = async (i: number) => {
    const authorization = `Basic ${Buffer.from(`${muster.key}:${i}`).toString('base64')}`;
    statuses.push((await fetch(`${muster.http}/api/v1/about`, { headers: { authorization } })).status);
  };
  const guesses = Array.from({ length: 300 }, (_, i) => guess(i));
  await device.publishRaw(jobs('thing-1', 'get'), '{}');
  expect(await device.request('start-next')).toMatchObject({ accepted: true });
  expect((await muster.api('GET', '/about')).status).toBe(200);
  await Promise.all(guesses);
  const refused = statuses.filter((status) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(200);
  expect(statuses.filter((status) => status === 401)).toHaveLength(300 - refused.length);
});
