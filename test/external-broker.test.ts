/** The bridge's side of an external broker, on a real mosquitto: who serves what, and when it is acknowledged. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import pino from 'pino';
import type { Broker, RequestHandler } from '../src/mqtt/broker';
import { createExternalBroker } from '../src/mqtt/external-broker';
import { probeSharing } from '../src/mqtt/shared-subscriptions';
import { openStore, type Db } from '../src/store/database';
import { eventually } from './support/eventually';
import { describeWithMosquitto, startMosquitto, type Mosquitto } from './support/mosquitto';

/** Made by `npm run build`. */
const DIST = path.resolve('dist');

const SHARED = 'fleet/things';
/** Mosquitto 2.0 does not share subscriptions to topics that begin with `$`; others it forgets when it restarts. */
const SPLIT = '$emqx/things';

const silent = () => pino({ level: process.env.LOG_LEVEL ?? 'silent' });

interface Bridge {
  broker: Broker;
  /** Topics of what it was asked, in order. */
  asked: string[];
}

describeWithMosquitto('an external broker', () => {
  let mosquitto: Mosquitto;
  let db: Db;
  let directory: string;
  const bridges: Bridge[] = [];
  const devices: MqttClient[] = [];

  beforeEach(async () => {
    mosquitto = await startMosquitto();
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-bridges-'));
    db = await openStore({ file: path.join(directory, 'muster.db') });
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.endAsync(true);
    for (const bridge of bridges.splice(0)) await stop(bridge);
    await db.destroy();
    await mosquitto.remove();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  /** @param answer what the bridge does with a request; left out: it is served at once */
  function startBridge(
    prefix: string,
    answer: RequestHandler = () => Promise.resolve(),
    sessions = 4,
  ): Bridge {
    const asked: string[] = [];
    const broker = createExternalBroker({
      db,
      address: { url: mosquitto.url, protocolVersion: 5 },
      prefixes: [prefix],
      sessions,
      sharing: prefix === SHARED ? 'SHARED' : undefined,
      connectionChanged: () => {},
      metrics: { bridgeSessions: () => {} },
      log: silent(),
    });
    const bridge = { broker, asked };
    void broker.serve(async (topic, ...rest) => {
      asked.push(topic);
      await answer(topic, ...rest);
    });
    bridges.push(bridge);
    return bridge;
  }
  async function stop({ broker }: Bridge): Promise<void> {
    await broker.stopServing();
    await broker.close();
  }
  const ready = (bridge: Bridge) => eventually(() => bridge.broker.check());
  const heldSessions = async () =>
    (await db.selectFrom('leases').selectAll().where('name', 'like', 'muster-bridge-%').execute()).filter(
      ({ expiresAt }) => expiresAt > Date.now(),
    );
  const allHeld = (count: number) => eventually(async () => expect(await heldSessions()).toHaveLength(count));

  async function connect(protocolVersion: 4 | 5 = 4, url = mosquitto.url): Promise<MqttClient> {
    const device = await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 0 });
    devices.push(device);
    return device;
  }
  const ask = (device: MqttClient, topic: string) => device.publishAsync(topic, '{}', { qos: 1 });
  const topicOf = (prefix: string, thing: string | number, request = 'get') =>
    `${prefix}/${thing}/jobs/${request}`;

  test('it is found out whether subscriptions are shared safely', async () => {
    const address = { url: mosquitto.url, protocolVersion: 5 } as const;
    expect(await probeSharing(address, [SHARED])).toBe('SPLIT');
    await mosquitto.remove();
    // Without a word about what it is, it is judged by what it does.
    mosquitto = await startMosquitto(() => ['allow_anonymous true', 'sys_interval 0']);
    const quiet = { ...address, url: mosquitto.url };
    expect(await probeSharing(quiet, [SHARED])).toBe('SHARED');
    expect(await probeSharing(quiet, [SPLIT])).toBe('SPLIT');
    expect(await probeSharing(quiet, [SHARED, SPLIT])).toBe('SPLIT');
  });

  test('a session whose first request takes long is not given up meanwhile', async () => {
    const first = startBridge(SPLIT, undefined, 1);
    await ready(first);
    await stop(bridges.splice(0)[0]!);
    const device = await connect();
    await ask(device, topicOf(SPLIT, 'lamp'));

    // Longer than the broker is given to confirm subscriptions, which it does behind what lay in the session.
    const second = startBridge(SPLIT, () => sleep(11_000), 1);
    await ready(second);
    await ask(device, topicOf(SPLIT, 'lamp', 'start-next'));
    await eventually(() => expect(second.asked.length).toBeGreaterThan(1));
    expect(second.asked).toEqual([topicOf(SPLIT, 'lamp'), topicOf(SPLIT, 'lamp', 'start-next')]);
  });

  test.each([SHARED, SPLIT])('under %s each request is served by one of two bridges', async (prefix) => {
    const [a, b] = [startBridge(prefix), startBridge(prefix)];
    await allHeld(4);
    await eventually(async () =>
      expect(new Set((await heldSessions()).map(({ holder }) => holder)).size).toBe(2),
    );
    await Promise.all([ready(a), ready(b)]);
    const device = await connect();
    const topics = Array.from({ length: 200 }, (_, i) => topicOf(prefix, `t${i}`));
    for (const topic of topics) await ask(device, topic);
    await eventually(() => expect([...a.asked, ...b.asked].sort()).toEqual([...topics].sort()));
    expect(a.asked.length).toBeGreaterThan(20);
    expect(b.asked.length).toBeGreaterThan(20);
  });

  test('where things are divided, the requests of each keep their order', async () => {
    // Those at the front take longest.
    let delay = 40;
    const bridge = startBridge(SPLIT, () => new Promise((resolve) => setTimeout(resolve, delay-- / 2)));
    await ready(bridge);
    await allHeld(4);
    const device = await connect();
    for (let i = 0; i < 40; i++) await ask(device, topicOf(SPLIT, `t${i % 4}`, `job-${i}/update`));
    await eventually(() => expect(bridge.asked).toHaveLength(40));
    for (let thing = 0; thing < 4; thing++) {
      const ofThing = bridge.asked.filter((topic) => topic.startsWith(`${SPLIT}/t${thing}/`));
      const jobs = ofThing.map((topic) => Number(/job-(\d+)/.exec(topic)?.[1]));
      expect(jobs).toEqual([...jobs].sort((x, y) => x - y));
    }
  });

  test('a request that could not be served stays where it is, and is served when it can be', async () => {
    let isAway = true;
    const answer = () => (isAway ? Promise.reject(new Error('Temporal is out of reach')) : Promise.resolve());
    const bridge = startBridge(SHARED, answer);
    await ready(bridge);
    await allHeld(4);
    await ask(await connect(), topicOf(SHARED, 't1'));
    await eventually(() => expect(bridge.asked.length).toBeGreaterThan(1));
    isAway = false;
    const served = bridge.asked.length + 1;
    await eventually(() => expect(bridge.asked).toHaveLength(served));
  });

  test('a request is acknowledged only when it was served: another bridge gets what the first did not finish', async () => {
    const first = startBridge(SHARED, () => new Promise(() => {}));
    await ready(first);
    await allHeld(4);
    await ask(await connect(), topicOf(SHARED, 't1'));
    await eventually(() => expect(first.asked).toHaveLength(1));
    await stop(first);
    bridges.splice(bridges.indexOf(first), 1);
    const second = startBridge(SHARED);
    await eventually(() => expect(second.asked).toEqual([topicOf(SHARED, 't1')]));
  });

  test.each([SHARED, SPLIT])('what came under %s while no bridge ran is served later', async (prefix) => {
    const first = startBridge(prefix);
    await ready(first);
    await allHeld(4);
    await stop(first);
    bridges.splice(0);
    const device = await connect();
    const topics = Array.from({ length: 40 }, (_, i) => topicOf(prefix, `t${i}`));
    for (const topic of topics) await ask(device, topic);
    const second = startBridge(prefix);
    await eventually(() => expect([...second.asked].sort()).toEqual([...topics].sort()));
  });

  test.each([SHARED, SPLIT])(
    'a bridge that is killed under %s is replaced within seconds',
    async (prefix) => {
      const killed = startBridgeProcess(prefix);
      expect(await once(killed, 'message')).toContain('ready');
      const device = await connect();
      // It never finishes what it has in hand.
      const inHand = once(killed, 'message');
      await ask(device, topicOf(prefix, 'in-hand'));
      expect(await inHand).toContain(topicOf(prefix, 'in-hand'));
      const survivor = startBridge(prefix);
      await eventually(async () =>
        expect(new Set((await heldSessions()).map((one) => one.holder)).size).toBe(2),
      );
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      const topics = Array.from({ length: 40 }, (_, i) => topicOf(prefix, `t${i}`));
      for (const topic of topics) await ask(device, topic);
      await eventually(() =>
        expect(new Set(survivor.asked)).toEqual(new Set([topicOf(prefix, 'in-hand'), ...topics])),
      );
    },
  );

  /** A bridge in a process of its own, which gets stuck at each request. */
  function startBridgeProcess(prefix: string): ChildProcess {
    const script = `
      const { createExternalBroker } = require(process.argv[1] + '/src/mqtt/external-broker.js');
      const { openStore } = require(process.argv[1] + '/src/store/database.js');
      const options = JSON.parse(process.argv[2]);
      const log = { info() {}, warn() {}, error() {} };
      openStore({ file: options.file }).then((db) => {
        const deps = { db, log, metrics: { bridgeSessions() {} }, connectionChanged() {} };
        const broker = createExternalBroker({ ...options, ...deps });
        broker.serve((topic) => new Promise(() => process.send(topic)));
        const timer = setInterval(() => broker.check().then(() => {
          clearInterval(timer);
          process.send('ready');
        }, () => {}), 100);
      });`;
    const options = {
      file: path.join(directory, 'muster.db'),
      address: { url: mosquitto.url, protocolVersion: 5 },
      prefixes: [prefix],
      sessions: 4,
      sharing: prefix === SHARED ? 'SHARED' : undefined,
    };
    return spawn(process.execPath, ['-e', script, DIST, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  test('with another number of sessions the former ones are emptied and ended', async () => {
    const first = startBridge(SHARED, undefined, 4);
    await ready(first);
    await allHeld(4);
    await stop(first);
    bridges.splice(0);
    const device = await connect();
    const topics = Array.from({ length: 20 }, (_, i) => topicOf(SHARED, `t${i}`));
    for (const topic of topics) await ask(device, topic);
    const second = startBridge(SHARED, undefined, 2);
    await eventually(() => expect(new Set(second.asked)).toEqual(new Set(topics)));
    await eventually(async () => {
      const names = await db.selectFrom('leases').select('name').where('name', 'like', '%-of-4').execute();
      expect(names).toEqual([]);
    });
    second.asked.length = 0;
    for (const topic of topics) await ask(device, topic);
    await eventually(() => expect([...second.asked].sort()).toEqual([...topics].sort()));
  });

  test('a broker that restarts is found again, and what it kept is served', async () => {
    const bridge = startBridge(SPLIT);
    await ready(bridge);
    await allHeld(4);
    await mosquitto.stop();
    await expect(bridge.broker.check()).rejects.toThrow();
    await expect(bridge.broker.publish('fleet/things/t1/jobs/notify', '{}')).rejects.toThrow();
    await mosquitto.start();
    // Perhaps before the bridge is back: its sessions are there already.
    await ask(await connect(5), topicOf(SPLIT, 't1'));
    await eventually(() => expect(bridge.asked).toEqual([topicOf(SPLIT, 't1')]));
    await ready(bridge);
    await bridge.broker.publish('fleet/things/t1/jobs/notify', '{}');
  });

  test('a broker that is away at the start is waited for', async () => {
    await mosquitto.stop();
    const bridge = startBridge(SHARED);
    await expect(bridge.broker.check()).rejects.toThrow('out of reach');
    await mosquitto.start();
    await ready(bridge);
  });

  test('many publications at once all arrive, in their order, at devices of MQTT 3.1.1 and 5', async () => {
    const { broker } = startBridge(SHARED);
    await eventually(() => broker.publish('fleet/things/t1/jobs/notify', '{}'));
    const received = await Promise.all(
      ([4, 5] as const).map(async (version) => {
        const bodies: number[] = [];
        const device = await connect(
          version,
          version === 5 ? `ws://127.0.0.1:${mosquitto.wsPort}` : undefined,
        );
        device.on('message', (_topic, payload) => void bodies.push(JSON.parse(payload.toString()).n));
        await device.subscribeAsync('fleet/things/t1/jobs/#', { qos: 1 });
        return bodies;
      }),
    );
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    await Promise.all(numbers.map((n) => broker.publish('fleet/things/t1/jobs/notify', `{"n":${n}}`)));
    for (const bodies of received) await eventually(() => expect(bodies).toEqual(numbers));
  });
});

/** A broker for MQTT 3.1.1 alone. What it is sent by its parent it publishes, below `$SYS` as well. */
const OTHER_BROKER = `
  const { Aedes } = require('aedes');
  Aedes.createBroker().then((aedes) => {
    const server = require('node:net').createServer((socket) => aedes.handle(socket));
    server.listen(0, '127.0.0.1', () => process.send(server.address().port));
    process.on('message', ({ topic, body }) =>
      aedes.publish({ cmd: 'publish', topic, payload: JSON.stringify(body), qos: 1, retain: false }, () => {}));
    process.on('disconnect', () => process.exit());
  });`;

test('what a broker tells of connections is passed on, as EMQX does it', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-bridges-'));
  const db = await openStore({ file: path.join(directory, 'muster.db') });
  const other = spawn(process.execPath, ['-e', OTHER_BROKER], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [port] = (await once(other, 'message')) as [number];
  const changes: unknown[] = [];
  const asked: string[] = [];
  const broker = createExternalBroker({
    db,
    address: { url: `mqtt://127.0.0.1:${port}`, protocolVersion: 4 },
    prefixes: [SHARED],
    sessions: 2,
    connectionChanged: (change) => void changes.push(change),
    metrics: { bridgeSessions: () => {} },
    log: silent(),
  });
  await broker.serve((topic) => Promise.resolve(void asked.push(topic)));
  const topic = '$SYS/brokers/emqx@a/clients/c/connected';
  await eventually(() => {
    other.send({ topic: `${SHARED}/t1/jobs/get`, body: {} });
    other.send({ topic, body: { username: 't1', clientid: 'c', ts: 5 } });
    expect(changes).toContainEqual({ thingName: 't1', connected: true, at: 5 });
    expect(asked).toContain(`${SHARED}/t1/jobs/get`);
  });
  await broker.stopServing();
  await broker.close();
  other.disconnect();
  await db.destroy();
  fs.rmSync(directory, { recursive: true });
});
