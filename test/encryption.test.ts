/** With a key, Temporal stores nothing that it could read; and jobs go on when encryption begins and keys change. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { jobWorkflowId } from '../workflows/messages';
import { connectDevice, createThing, type Credentials, type Device } from './support/device';
import { eventually } from './support/eventually';
import { createJob, untilExecution, untilJob } from './support/jobs';
import { startMuster, type Muster } from './support/muster';

const newKey = () => randomBytes(32).toString('base64');
const [FIRST, SECOND] = [newKey(), newKey()];
const THINGS = ['boiler', 'heater', 'cooler'];

let dataDir: string;
let muster: Muster;
const credentials: Record<string, Credentials> = {};
const devices: Record<string, Device> = {};
const start = (...keys: string[]) =>
  startMuster({ dataDir, env: { MUSTER_PAYLOAD_KEY: keys.join(','), LOG_LEVEL: 'warn' } });

beforeAll(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-encryption-'));
});
afterAll(async () => {
  await muster.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

/** Whether Temporal's database holds the text, in whatever it has written so far. */
function isStored(text: string): boolean {
  const files = ['temporal.db', 'temporal.db-wal'].map((file) => path.join(dataDir, file));
  return files.some((file) => fs.existsSync(file) && fs.readFileSync(file).includes(text));
}

const jobFor = (thing: string, secret: string, fields: object = {}) =>
  createJob(muster, { targets: { thingNames: [thing] }, document: { secret }, ...fields });

const jobs: string[] = [];

test('without a key, what a job says can be found in Temporal', async () => {
  muster = await start();
  for (const name of THINGS) credentials[name] = await createThing(muster, name);
  await connectDevices();
  jobs.push(await jobFor('boiler', 'plain-document'));
  await untilExecution(muster, jobs[0]!, 'boiler', { status: 'QUEUED' });
  expect(isStored('plain-document')).toBe(true);
});

test('with a key it can not, and what was there before goes on', async () => {
  await restart(FIRST);
  await devices.boiler!.request('start-next');
  await report('boiler', jobs[0]!, 'SUCCEEDED', { note: 'hushed-details' });
  await untilJob(muster, jobs[0]!, 'COMPLETED');

  jobs.push(await jobFor('heater', 'hushed-document', { name: 'hushed name' }));
  await untilExecution(muster, jobs[1]!, 'heater', { status: 'QUEUED' });
  await devices.heater!.request('start-next');
  await report('heater', jobs[1]!, 'IN_PROGRESS', { note: 'hushed-progress' });
  const cancel = { force: true, comment: 'hushed-comment' };
  expect((await muster.api('POST', `/jobs/${jobs[1]}/cancel`, cancel)).status).toBe(200);
  await untilExecution(muster, jobs[1]!, 'heater', { status: 'CANCELED' });

  jobs.push(await jobFor('cooler', 'hushed-too'));
  await untilExecution(muster, jobs[2]!, 'cooler', { status: 'QUEUED' });
  expect(isStored('hushed')).toBe(false);
  // Names are for finding things, so they are not encrypted.
  expect(isStored(jobWorkflowId(jobs[1]!))).toBe(true);
});

test('the codec endpoint shows the UI what Temporal holds', async () => {
  const [input] = await readInput(jobWorkflowId(jobs[1]!));
  expect(Buffer.from(input!.data as string, 'base64').toString('latin1')).not.toContain('hushed');
  const { body } = await muster.api('POST', '/codec/decode', { payloads: [input] });
  expect(JSON.parse(Buffer.from(body.payloads[0].data, 'base64').toString())).toMatchObject({
    request: { documentJson: '{"secret":"hushed-document"}' },
  });
});

test('without the key nothing goes on, and the log says which is missing', async () => {
  await restart();
  void devices.cooler!.request('start-next').catch(() => undefined);
  await eventually(() => expect(muster.output()).toContain('which is not among those of MUSTER_PAYLOAD_KEY'));
  await untilExecution(muster, jobs[2]!, 'cooler', { status: 'QUEUED' });
});

test('under a new key, with the old one behind it, everything goes on', async () => {
  await restart(SECOND, FIRST);
  await untilExecution(muster, jobs[2]!, 'cooler', { status: 'IN_PROGRESS' });
  await report('cooler', jobs[2]!, 'SUCCEEDED', { note: 'hushed-at-last' });
  await untilJob(muster, jobs[2]!, 'COMPLETED');
  expect(isStored('hushed')).toBe(false);
});

async function restart(...keys: string[]): Promise<void> {
  await Promise.all(Object.values(devices).map((device) => device.close()));
  await muster.stop();
  muster = await start(...keys);
  await connectDevices();
}

async function connectDevices(): Promise<void> {
  for (const name of THINGS) devices[name] = await connectDevice(muster, credentials[name]!);
}

async function report(thing: string, jobId: string, status: string, statusDetails: object): Promise<void> {
  const answer = await devices[thing]!.request(`${jobId}/update`, { status, statusDetails });
  expect(answer.accepted).toBe(true);
}

/** The input of a workflow as Temporal hands it to its UI. */
async function readInput(workflowId: string): Promise<{ data?: unknown }[]> {
  const { temporal: address } = JSON.parse(fs.readFileSync(path.join(dataDir, 'endpoints.json'), 'utf8'));
  const connection = await Connection.connect({ address });
  const { history } = await connection.workflowService.getWorkflowExecutionHistory({
    namespace: 'default',
    execution: { workflowId },
  });
  await connection.close();
  const started = history!.events![0]!.workflowExecutionStartedEventAttributes!;
  const { Payloads } = temporal.api.common.v1;
  return Payloads.toObject(Payloads.fromObject(started.input!), { bytes: String }).payloads;
}
