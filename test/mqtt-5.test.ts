/** Devices that speak MQTT 5, as most new firmware does, with a real client on a real Muster. */
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { connectDevice, createThing, type Credentials } from './support/device';
import { createJob, untilExecution, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

let muster: Muster;
let things = 0;

beforeAll(async () => {
  muster = await startMuster();
}, 120_000);
afterAll(() => muster?.stop());

const newThing = () => createThing(muster, `v5-${++things}`);
const jobs = ({ username }: Credentials, suffix: string) => `$emqx/things/${username}/jobs/${suffix}`;

test('a whole job, from the notification to its end', async () => {
  const credentials = await newThing();
  const device = await connectDevice(muster, credentials, { protocolVersion: 5 });
  const jobId = await createJob(muster, { targets: { thingNames: [device.name] } });
  await device.next('notify');
  expect((await device.request('start-next')).body.execution).toMatchObject({ jobId, status: 'IN_PROGRESS' });
  expect(await device.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({ accepted: true });
  await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
  await device.close();
});

test('the session outlives its connection for as long as it says, and takes the notification', async () => {
  const credentials = await newThing();
  await (await connectDevice(muster, credentials, { protocolVersion: 5 })).close();
  const jobId = await createJob(muster, { targets: { thingNames: [credentials.username] } });
  await untilExecution(muster, jobId, credentials.username, { status: 'QUEUED' });
  const device = await connectDevice(muster, credentials, { protocolVersion: 5 });
  expect(device.sessionPresent).toBe(true);
  await device.next('notify', (body) => JSON.stringify(body.jobs).includes(jobId));
  await device.close();
});

describe('request and response', () => {
  /** A client as it is: connected, subscribed below its own name. */
  async function connectPlain(credentials: Credentials): Promise<MqttClient> {
    const client = await mqtt.connectAsync(muster.mqtt, {
      ...credentials,
      ...{ protocolVersion: 5, clean: true, reconnectPeriod: 0 },
    });
    await client.subscribeAsync(`$emqx/things/${credentials.username}/#`, { qos: 1 });
    return client;
  }

  function received(client: MqttClient, topic: string): Promise<{ packet: IPublishPacket; body: unknown }> {
    return new Promise((resolve) => {
      const look = (on: string, payload: Buffer, packet: IPublishPacket) => {
        if (on !== topic) return;
        client.off('message', look);
        resolve({ packet, body: JSON.parse(payload.toString()) as unknown });
      };
      client.on('message', look);
    });
  }

  test('the answer brings the correlation data back, and goes to the response topic, too: what the store answers, and what the workflow does', async () => {
    const credentials = await newThing();
    const jobId = await createJob(muster, { targets: { thingNames: [credentials.username] } });
    await untilExecution(muster, jobId, credentials.username, { status: 'QUEUED' });
    const client = await connectPlain(credentials);
    const responseTopic = `$emqx/things/${credentials.username}/answers`;
    for (const [suffix, request, answer] of [
      ['get', {}, 'accepted'],
      ['start-next', {}, 'accepted'],
      [`${jobId}/update`, { status: 'IN_PROGRESS' }, 'accepted'],
      [`${jobId}/update`, { status: 'QUEUED' }, 'rejected'],
      [`${jobId}/update`, { status: 'SUCCEEDED' }, 'accepted'],
    ] as const) {
      const correlationData = Buffer.from(`${suffix} ${Math.random()}`);
      const own = received(client, jobs(credentials, `${suffix}/${answer}`));
      const other = received(client, responseTopic);
      await client.publishAsync(
        jobs(credentials, suffix),
        JSON.stringify({ ...request, clientToken: suffix }),
        {
          qos: 1,
          properties: { responseTopic, correlationData },
        },
      );
      for (const { packet, body } of await Promise.all([own, other])) {
        expect(packet.properties?.correlationData).toEqual(correlationData);
        expect(body).toMatchObject({ clientToken: suffix });
      }
    }
    await client.endAsync();
  });

  test('a refused publication says why, and the connection stays', async () => {
    const credentials = await newThing();
    const client = await connectPlain(credentials);
    const refused = client.publishAsync('$emqx/things/other/jobs/get', '{}', { qos: 1 });
    await expect(refused).rejects.toMatchObject({ code: 0x87 });
    const answered = received(client, jobs(credentials, 'get/accepted'));
    await client.publishAsync(jobs(credentials, 'get'), '{}', { qos: 1 });
    await answered;
    expect(client.connected).toBe(true);
    await client.endAsync();
  });
});
