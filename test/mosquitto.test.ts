/** A whole Muster with mosquitto in the place of its own broker: with passwords, access rules and TLS. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import { connectDevice, createThing, type Credentials, type Device } from './support/device';
import { eventually } from './support/eventually';
import { createJob, untilExecution, untilJob } from './support/jobs';
import { describeWithMosquitto, startMosquitto, writePasswords, type Mosquitto } from './support/mosquitto';
import { startMuster, type Muster } from './support/muster';
import { untilLetIn } from './topology/mosquitto';

const PASSWORD = 'bridge+secret@';
const PREFIXES = ['fleet/things', '$emqx/things'];
const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

function acl(): string {
  const args = [MAIN, 'mosquitto-acl', '--topic-prefixes', PREFIXES.join(',')];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
}

describeWithMosquitto('with mosquitto', () => {
  let mosquitto: Mosquitto;
  let muster: Muster;
  const env = () => ({
    MQTT_URL: `mqtt://muster:${encodeURIComponent(PASSWORD)}@127.0.0.1:${mosquitto.port}`,
    MUSTER_TOPIC_PREFIXES: PREFIXES.join(','),
  });

  beforeAll(async () => {
    mosquitto = await startMosquitto((directory) => {
      writePasswords(path.join(directory, 'passwords'), { muster: PASSWORD });
      fs.writeFileSync(path.join(directory, 'acl'), acl());
      return ['allow_anonymous false', `password_file ${directory}/passwords`, `acl_file ${directory}/acl`];
    });
    muster = await startMuster({ env: env() });
  });
  afterAll(async () => {
    await muster?.stop();
    await mosquitto?.remove();
  });

  /** Registers a thing, and tells mosquitto its password. */
  async function newThing(name: string): Promise<Credentials> {
    const credentials = await createThing(muster, name);
    writePasswords(path.join(mosquitto.directory, 'passwords'), { [name]: credentials.password });
    await untilLetIn(mosquitto.url, credentials, () => mosquitto.signal('SIGHUP'));
    return credentials;
  }
  async function connect(
    credentials: Credentials,
    { protocolVersion, url = mosquitto.url }: { protocolVersion?: 4 | 5; url?: string } = {},
  ): Promise<Device> {
    return connectDevice({ mqtt: url }, credentials, { prefixes: [PREFIXES[0]!], protocolVersion });
  }
  const ready = () => eventually(async () => expect((await fetch(`${muster.http}/readyz`)).status).toBe(200));
  const metric = async (name: string) =>
    Number(
      new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${muster.http}/metrics`)).text())?.[1],
    );

  test('it is ready once its sessions are connected, and tells so', async () => {
    await ready();
    await eventually(async () => expect(await metric('muster_bridge_sessions')).toBe(8));
  });

  test.each([4, 5] as const)('a device of MQTT version %s does a job', async (protocolVersion) => {
    const name = `worker-${protocolVersion}`;
    const url = protocolVersion === 5 ? `ws://127.0.0.1:${mosquitto.wsPort}` : mosquitto.url;
    const device = await connect(await newThing(name), { protocolVersion, url });
    const jobId = await createJob(muster, { targets: { thingNames: [name] } });
    await device.next('notify');
    await device.next('notify-next', ({ execution }) => execution?.jobId === jobId);
    expect(await device.request('start-next')).toMatchObject({ accepted: true });
    const done = await device.request(`${jobId}/update`, { status: 'SUCCEEDED', clientToken: 'c' });
    expect(done).toMatchObject({ accepted: true, body: { clientToken: 'c' } });
    await device.next('notify', ({ jobs }) => Object.keys(jobs ?? {}).length === 0);
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
    await device.close();
  });

  test('answers go out under the prefix of the request, notifications under each', async () => {
    const credentials = await newThing('both');
    const device = await connectDevice({ mqtt: mosquitto.url }, credentials, { prefixes: PREFIXES });
    for (const prefix of PREFIXES)
      expect(await device.request('get', {}, prefix)).toMatchObject({ accepted: true });
    await createJob(muster, { targets: { thingNames: ['both'] } });
    await device.next('notify');
    await device.next('notify');
    expect(new Set(device.messages.filter((m) => m.suffix === 'notify').map((m) => m.prefix))).toEqual(
      new Set(PREFIXES),
    );
    await device.close();
  });

  test('a device can neither read nor write what is not its own', async () => {
    const [victim, mallory] = [await newThing('victim'), await newThing('mallory')];
    const device = await connect(victim);
    const jobId = await createJob(muster, { targets: { thingNames: ['victim'] } });
    await device.next('notify');
    const thief = await mqtt.connectAsync(mosquitto.url, { ...mallory, reconnectPeriod: 0 });
    const overheard: string[] = [];
    thief.on('message', (topic) => void overheard.push(topic));
    await thief.subscribeAsync(['#', '$emqx/#', 'fleet/things/victim/jobs/#', '$share/x/fleet/#'], {
      qos: 1,
    });
    // For another thing, and what only Muster may say to this one.
    for (const topic of ['victim/jobs/start-next', `victim/jobs/${jobId}/update`, 'mallory/jobs/notify'])
      await thief.publishAsync(`fleet/things/${topic}`, '{"status":"FAILED"}', { qos: 1 });
    await thief.publishAsync('fleet/things/mallory/jobs/get', '{}', { qos: 1 });
    // Its own request came after those, so they are dealt with.
    await eventually(() => expect(overheard).toContain('fleet/things/mallory/jobs/get/accepted'));
    await device.request('get');
    await untilExecution(muster, jobId, 'victim', { status: 'QUEUED', versionNumber: 1 });
    expect(overheard.filter((topic) => !topic.startsWith('fleet/things/mallory/'))).toEqual([]);
    expect(overheard).not.toContain('fleet/things/mallory/jobs/notify');
    await thief.endAsync(true);
    await device.close();
  });

  test('what a device reports while Muster is killed is taken when it is back', async () => {
    const device = await connect(await newThing('patient'));
    const jobId = await createJob(muster, { targets: { thingNames: ['patient'] } });
    await device.next('notify');
    expect(await device.request('start-next')).toMatchObject({ accepted: true });
    await muster.kill9();
    await device.publishRaw(`fleet/things/patient/jobs/${jobId}/update`, '{"status":"SUCCEEDED"}');
    muster = await startMuster({ env: env(), dataDir: muster.dataDir });
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
    await device.next(`${jobId}/update/accepted`);
    await device.close();
  });

  test('a broker that restarts in the middle of a job loses nothing', async () => {
    const credentials = await newThing('steady');
    let device = await connect(credentials);
    await ready();
    const jobId = await createJob(muster, { targets: { thingNames: ['steady'] } });
    await device.next('notify');
    await device.request('start-next');
    await mosquitto.stop();
    await eventually(async () => expect((await fetch(`${muster.http}/readyz`)).status).toBe(503));
    // Its notifications wait for the broker.
    const second = await createJob(muster, { targets: { thingNames: ['steady'] } });
    await mosquitto.start();
    device = await connect(credentials);
    await device.publishRaw(`fleet/things/steady/jobs/${jobId}/update`, '{"status":"SUCCEEDED"}');
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
    await device.next('notify-next', ({ execution }) => execution?.jobId === second);
    await ready();
    await device.close();
  });
});

describeWithMosquitto('with mosquitto over TLS', () => {
  let directory: string;
  let mosquitto: Mosquitto;

  function openssl(...args: string[]): void {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  }
  function issue(name: string): void {
    const subject = ['-subj', `/CN=${name}`, '-keyout', `${name}.key`];
    openssl('req', '-newkey', 'rsa:2048', '-nodes', ...subject, '-out', `${name}.csr`);
    fs.writeFileSync(path.join(directory, 'san'), 'subjectAltName=IP:127.0.0.1');
    const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-extfile', 'san', '-out', `${name}.pem`);
  }

  beforeAll(async () => {
    mosquitto = await startMosquitto(
      () => ['allow_anonymous false'],
      (made) => {
        directory = made;
        const subject = ['-subj', '/CN=ca', '-keyout', 'ca.key', '-out', 'ca.pem'];
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject);
        issue('broker');
        issue('muster');
        return [
          `cafile ${made}/ca.pem`,
          `certfile ${made}/broker.pem`,
          `keyfile ${made}/broker.key`,
          'require_certificate true',
          'use_identity_as_username true',
        ];
      },
    );
  });
  afterAll(() => mosquitto?.remove());

  test('Muster shows its certificate, and checks that of the broker', async () => {
    const file = (name: string) => path.join(directory, name);
    const muster = await startMuster({
      env: {
        MQTT_URL: `mqtts://127.0.0.1:${mosquitto.port}`,
        MUSTER_MQTT_CA: file('ca.pem'),
        MUSTER_MQTT_CERT: file('muster.pem'),
        MUSTER_MQTT_KEY: file('muster.key'),
      },
    });
    try {
      await eventually(async () => expect((await fetch(`${muster.http}/readyz`)).status).toBe(200));
      expect(mosquitto.log()).toContain("u'muster'");
    } finally {
      await muster.stop();
    }
    const distrustful = await startMuster({ env: { MQTT_URL: `mqtts://127.0.0.1:${mosquitto.port}` } });
    try {
      await eventually(() => expect(distrustful.output()).toMatch(/certificate/));
      expect((await fetch(`${distrustful.http}/readyz`)).status).toBe(503);
    } finally {
      await distrustful.stop();
    }
  });
});
