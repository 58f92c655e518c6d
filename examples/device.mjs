// A whole device with mqtt.js: npm install mqtt, then
// THING_NAME=… MQTT_PASSWORD=… node device.mjs
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';

const { MQTT_HOST = '127.0.0.1', MQTT_PORT = '1883', THING_NAME, MQTT_PASSWORD } = process.env;
const clientId = process.env.MQTT_CLIENT_ID ?? THING_NAME;
const jobs = `$emqx/things/${THING_NAME}/jobs`;
const answers = ['notify-next', 'start-next/accepted', '+/update/rejected'].map((name) => `${jobs}/${name}`);
let current; // the execution at work: a message that comes twice must not start it twice

const client = mqtt.connect(`mqtt://${MQTT_HOST}:${MQTT_PORT}`, {
  clientId,
  username: THING_NAME,
  password: MQTT_PASSWORD,
  clean: false, // keep the session: what is published while the device is away waits for it
});
const send = (request, body = {}) =>
  client.publishAsync(`${jobs}/${request}`, JSON.stringify(body), { qos: 1 });

client.on('connect', async () => {
  await client.subscribeAsync(answers, { qos: 1 });
  await send('start-next'); // whatever was missed, and what was at work when the power went
});

client.on('message', (topic, payload) => {
  const message = JSON.parse(payload.toString());
  if (topic.endsWith('/rejected')) console.error(topic, message.code, message.message);
  else if (!message.execution) console.log('nothing to do');
  else if (topic.endsWith('/notify-next')) void send('start-next');
  else void run(message.execution);
});

async function run({ jobId, executionNumber, jobDocument }) {
  if (current === `${jobId}/${executionNumber}`) return;
  current = `${jobId}/${executionNumber}`;
  const report = (status, statusDetails) => send(`${jobId}/update`, { status, statusDetails });
  try {
    await report('IN_PROGRESS', { step: 'started' });
    await work(jobDocument);
    await report('SUCCEEDED', { step: 'done' });
  } catch (error) {
    await report('FAILED', { reason: error.message });
  }
}

/** Does what the document asks for; the only part that is about your device. */
async function work(document) {
  console.log('at work on', document);
  await sleep(500);
}
