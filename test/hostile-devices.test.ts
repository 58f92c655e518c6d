/**
 * Devices that are broken or malicious, over real MQTT on a real Muster. `npm run fuzz:devices` runs the same with more
 * cases and connections. The seed is printed; FUZZ_SEED repeats it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as turnOfTheLoop, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { connectDevice, createThing, type Credentials, type Device } from './support/device';
import { eventually } from './support/eventually';
import { registerFleet } from './support/fleet';
import { hostileMessages, type HostileMessage } from './hostile/messages';
import { createJob, getExecution, untilExecution, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

const CASES = Number(process.env.FUZZ_CASES ?? 400);
/** Not answered by then is a fault, which is made smaller in some more tries. */
const ANSWERED_WITHIN_MS = 60_000;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const IDLE = Number(process.env.FUZZ_IDLE ?? 200);
const PREFIX = '$emqx/things';
/** Devices that publish side by side. */
const SIDE_BY_SIDE = 8;
const TIME = 20 * 60_000;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster?.stop());

/** It runs still, and has not been started anew: its MQTT clients and its store are where they were. */
async function expectUnharmed(): Promise<void> {
  expect((await fetch(`${muster.http}/readyz`)).status).toBe(200);
  expect(muster.output()).not.toMatch(/fault of its own|"level":"fatal"/);
}

/** Registers a thing that has a job to do. */
async function newTarget(name: string): Promise<{ credentials: Credentials; jobId: string }> {
  const credentials = await createThing(muster, name);
  const jobId = await createJob(muster, { targets: { thingNames: [name] } });
  await untilExecution(muster, jobId, name, { status: 'QUEUED', versionNumber: 1 });
  return { credentials, jobId };
}

describe('hostile messages', () => {
  const counts = new Map<string, number>();
  const count = (outcome: string) => counts.set(outcome, (counts.get(outcome) ?? 0) + 1);

  test(
    `${CASES} messages: each is answered or refused, and none changes anything`,
    async () => {
      console.log(`FUZZ_SEED=${SEED} FUZZ_CASES=${CASES}`);
      const victim = { thingName: 'fuzz-victim', jobId: (await newTarget('fuzz-victim')).jobId };
      const begun = Date.now();
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, (_, i) => fuzz(`fuzz-${i}`, SEED + i, victim)));
      const seconds = (Date.now() - begun) / 1000;
      await expectUnharmed();
      console.log(`${CASES} messages in ${seconds.toFixed(0)} s`, Object.fromEntries([...counts].sort()));
    },
    TIME,
  );

  async function fuzz(
    name: string,
    seed: number,
    victim: { thingName: string; jobId: string },
  ): Promise<void> {
    const { credentials, jobId } = await newTarget(name);
    let device = await connectDevice(muster, credentials);
    const property = fc.asyncProperty(
      hostileMessages(PREFIX, name, jobId, victim),
      async (message: HostileMessage) => {
        if (!device.client.connected) device = await connectDevice(muster, credentials);
        const outcome = await publish(device, message);
        count(outcome);
        for (const [thing, job] of [
          [name, jobId],
          [victim.thingName, victim.jobId],
        ] as const) {
          const { status, versionNumber, transitions } = await getExecution(muster, job, thing);
          assert.deepEqual({ status, versionNumber }, { status: 'QUEUED', versionNumber: 1 }, thing);
          assert.equal(transitions.length, 1);
        }
      },
    );
    await fc.assert(property, { seed, numRuns: Math.ceil(CASES / SIDE_BY_SIDE), verbose: 1 });
    await device.close();
  }

  /** @returns what became of it; throws where it was taken and never answered */
  async function publish(device: Device, { topic, payload, retain }: HostileMessage): Promise<string> {
    device.clear();
    try {
      await device.publishRaw(topic, payload, { qos: 1, retain });
    } catch {
      return 'connection closed';
    }
    const own = `${PREFIX}/${device.name}/`;
    assert.ok(topic.startsWith(own), `taken, though it is not the thing's own topic: ${topic}`);
    if (topic !== `${own}jobs` && !topic.startsWith(`${own}jobs/`)) return 'left alone';
    const suffix = topic.slice(`${own}jobs/`.length);
    return eventually(() => {
      const answer = device.messages.find(
        (one) => one.suffix.replace(/\/(accepted|rejected)$/, '') === suffix,
      );
      assert.ok(answer, `no answer on ${topic}`);
      return answer.suffix.endsWith('/accepted') ? 'accepted' : String(answer.body.code);
    }, ANSWERED_WITHIN_MS);
  }
});

describe('hostile connections', () => {
  let credentials: Credentials;
  beforeAll(async () => {
    credentials = await createThing(muster, 'raw');
  });

  const address = () => Number(new URL(muster.mqtt).port);
  async function open(): Promise<Socket> {
    const socket = connectTcp(address(), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }
  const hello = (who: Credentials) =>
    generate({
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 },
      ...{ clientId: who.clientId, username: who.username, password: Buffer.from(who.password) },
    });
  const subscribe = (name: string) =>
    generate({
      ...{ cmd: 'subscribe', messageId: 1 },
      subscriptions: [{ topic: `${PREFIX}/${name}/jobs/#`, qos: 0 }],
    });
  const ask = (name: string, suffix: string) =>
    generate({
      ...{ cmd: 'publish', qos: 0, dup: false, retain: false, payload: '{}' },
      topic: `${PREFIX}/${name}/jobs/${suffix}`,
    });
  const until = (socket: Socket, limitMs: number) =>
    Promise.race([once(socket, 'close'), sleep(limitMs, undefined, { ref: false })]);

  test(
    'bytes that are no MQTT, before and after the connection was granted',
    async () => {
      const junk = fc.tuple(
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        // A first byte of a real packet, with a length that may be a lie.
        fc.option(fc.tuple(fc.integer({ min: 0x10, max: 0xff }), fc.integer({ min: 0, max: 0xff }))),
      );
      const property = fc.asyncProperty(junk, async ([granted, bytes, start]) => {
        const socket = await open();
        if (granted) socket.write(hello(credentials));
        socket.write(Buffer.concat([Buffer.from(start ?? []), bytes]));
        // Whoever waits for the rest of a packet is left waiting.
        await until(socket, 20);
        socket.destroy();
      });
      await fc.assert(property, { seed: SEED, numRuns: Math.ceil(CASES / 4) });
      await expectUnharmed();
    },
    TIME,
  );

  test('a thing that floods is held to its share, and others are served', async () => {
    const who = await createThing(muster, 'flooder');
    const other = await connectDevice(muster, (await newTarget('beside-flooder')).credentials);
    const flooder = await open();
    let throttled = 0;
    flooder.on(
      'data',
      (chunk: Buffer) => (throttled += chunk.toString('latin1').split('RequestThrottled').length - 1),
    );
    flooder.write(hello(who));
    // Whoever sends much before the connection is granted is cut off.
    await once(flooder, 'data');
    flooder.write(subscribe('flooder'));
    const thousand = Buffer.concat(Array<Buffer>(1_000).fill(ask('flooder', 'get')));
    let sent = 0;
    let isOver = false;
    const flood = (async () => {
      for (; !isOver && !flooder.destroyed; sent += 1_000) {
        // As fast as they are taken.
        if (!flooder.write(thousand)) await Promise.race([once(flooder, 'drain'), once(flooder, 'close')]);
      }
    })();
    await eventually(() => expect(throttled).toBeGreaterThan(100));
    for (let i = 0; i < 20; i++) expect(await other.request('get')).toMatchObject({ accepted: true });
    const started = await other.request('start-next');
    const jobId = started.body.execution!.jobId;
    expect(await other.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({ accepted: true });
    isOver = true;
    flooder.destroy();
    await flood;
    console.log(`Meanwhile the flooding thing sent ${sent} requests; ${throttled} were refused by then`);
    await other.close();
    await expectUnharmed();
  });

  test('a client that never reads is cut off, and others are served', async () => {
    const { credentials: deaf, jobId } = await newTargetWithLargeDocument('deaf');
    const other = await connectDevice(muster, await createThing(muster, 'beside-deaf'));
    const socket = await open();
    socket.pause();
    socket.write(hello(deaf));
    socket.write(subscribe('deaf'));
    const isConnected = async () => (await muster.api('GET', '/things/deaf')).body.connection?.connected;
    await eventually(async () => expect(await isConnected()).toBe(true));
    // More answers than fit between the two; as fast as its share allows.
    for (let asked = 0; asked < 1_000 && (await isConnected()); asked += 10) {
      for (let i = 0; i < 10 && !socket.destroyed; i++) socket.write(ask('deaf', `${jobId}/get`));
      expect(await other.request('get')).toMatchObject({ accepted: true });
      await sleep(1_000);
    }
    expect(await isConnected()).toBe(false);
    socket.destroy();
    await expectUnharmed();
    await other.close();
  });

  async function newTargetWithLargeDocument(name: string) {
    const own = await createThing(muster, name);
    const document = { action: 'x', text: 'y'.repeat(30_000) };
    const jobId = await createJob(muster, { targets: { thingNames: [name] }, document });
    await untilExecution(muster, jobId, name, { status: 'QUEUED' });
    return { credentials: own, jobId };
  }

  test('a client that sends byte by byte is served, and one that never finishes is cut off', async () => {
    const slow = await open();
    const never = await open();
    never.write(hello(credentials).subarray(0, 10));
    const answers = new Promise<void>((resolve) => {
      let received = Buffer.alloc(0);
      slow.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.includes('jobs/get/accepted')) resolve();
      });
    });
    const packets = [hello(credentials), subscribe('raw'), ask('raw', 'get')];
    slow.setNoDelay(true);
    for (const byte of Buffer.concat(packets)) {
      slow.write(Buffer.from([byte]));
      await turnOfTheLoop();
    }
    await answers;
    slow.destroy();
    never.resume();
    await once(never, 'close');
  });

  test(
    `${IDLE} idle connections stay, and a job is done beside them`,
    async () => {
      const things = await registerFleet(muster, 'idle', IDLE);
      const idle: Device[] = [];
      for (let i = 0; i < things.length; i += 50) {
        const batch = things
          .slice(i, i + 50)
          .map(({ mqttCredentials }) => connectDevice(muster, mqttCredentials));
        idle.push(...(await Promise.all(batch)));
      }
      const worker = await connectDevice(muster, await createThing(muster, 'beside-idle'));
      const jobId = await createJob(muster, { targets: { thingNames: ['beside-idle'] } });
      await worker.next('notify');
      await worker.request('start-next');
      await worker.request(`${jobId}/update`, { status: 'SUCCEEDED' });
      await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
      expect(idle.filter(({ client }) => client.connected)).toHaveLength(IDLE);
      const rss = /^process_resident_memory_bytes (\d+)/m.exec(
        await (await fetch(`${muster.http}/metrics`)).text(),
      );
      console.log(`${IDLE} idle connections; Muster holds ${Math.round(Number(rss?.[1]) / 2 ** 20)} MiB`);
      await Promise.all([worker, ...idle].map((device) => device.close()));
    },
    TIME,
  );
});
