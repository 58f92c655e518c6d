/** PROTOCOL.md §2 "Semantics", line by line, with real devices on a real Muster. */
import { connectDevice, createThing, type Device } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

const PREFIXES = ['$emqx/things', '$aws/things', 'fleet/things'];
const DOCUMENT = { action: 'updateFirmware', params: { version: '2.1.5' } };
const A_NUMBER = expect.any(Number) as number;
const A_TEXT = expect.any(String) as string;
const textWith = (part: string) => expect.stringContaining(part) as string;
/** `…InMinutes` fields count seconds here. */
const seconds = (n: number) => n / 60;

let muster: Muster;
let things = 0;
const devices: Device[] = [];

beforeAll(async () => {
  muster = await startMuster({ env: { MUSTER_TOPIC_PREFIXES: PREFIXES.join(',') } });
});

afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.close()));
});

afterAll(() => muster?.stop());

/** A new thing, connected. */
async function newDevice(prefixes = PREFIXES.slice(0, 1)): Promise<Device> {
  const credentials = await createThing(muster, `thing-${++things}`);
  const device = await connectDevice(muster, credentials, { prefixes });
  devices.push(device);
  return device;
}

/** A new job for the device; resolves when the device has been told of it, with every message of that taken. */
async function queue(device: Device, fields: Record<string, unknown> = {}): Promise<string> {
  const first = !(await hasPending(device));
  const created = await muster.api('POST', '/jobs', {
    targets: { thingNames: [device.name] },
    document: DOCUMENT,
    ...fields,
  });
  expect(created).toMatchObject({ status: 201 });
  const { jobId } = created.body as { jobId: string };
  await device.next('notify', ({ jobs }) => JSON.stringify(jobs).includes(jobId));
  if (first) await device.next('notify-next', ({ execution }) => execution?.jobId === jobId);
  return jobId;
}

async function hasPending(device: Device): Promise<boolean> {
  const { body } = await device.request('get');
  return [...(body.inProgressJobs ?? []), ...(body.queuedJobs ?? [])].length > 0;
}

const inOrder = (device: Device) => device.messages.map(({ suffix }) => suffix);
const idsOf = (list: { jobId: string }[] | undefined) => list?.map(({ jobId }) => jobId);

async function executionOf(device: Device, jobId: string) {
  const body = (await muster.api('GET', `/jobs/${jobId}/executions/${device.name}`)).body as unknown;
  return body as Record<string, unknown>;
}

describe('what a device asks for', () => {
  test('get: both lists are always there', async () => {
    const device = await newDevice();
    const empty = await device.request('get');
    expect(empty).toEqual({
      accepted: true,
      body: { inProgressJobs: [], queuedJobs: [], timestamp: A_NUMBER },
    });
    expect(Number.isInteger(empty.body.timestamp)).toBe(true);
    const jobId = await queue(device);
    const { body } = await device.request('get', { clientToken: 'a token' });
    expect(body).toEqual({
      inProgressJobs: [],
      queuedJobs: [
        {
          jobId,
          queuedAt: A_NUMBER,
          lastUpdatedAt: A_NUMBER,
          versionNumber: 1,
          executionNumber: 1,
        },
      ],
      timestamp: A_NUMBER,
      clientToken: 'a token',
    });
  });

  test('start-next: a queued head is started', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const { body } = await device.request('start-next', {
      clientToken: 'c',
      statusDetails: { step: 'download' },
      stepTimeoutInMinutes: 10,
    });
    expect(body).toEqual({
      execution: {
        jobId,
        thingName: device.name,
        jobDocument: DOCUMENT,
        status: 'IN_PROGRESS',
        statusDetails: { step: 'download' },
        queuedAt: A_NUMBER,
        startedAt: A_NUMBER,
        lastUpdatedAt: A_NUMBER,
        versionNumber: 2,
        executionNumber: 1,
        approximateSecondsBeforeTimedOut: A_NUMBER,
      },
      timestamp: A_NUMBER,
      clientToken: 'c',
    });
    expect(body.execution?.approximateSecondsBeforeTimedOut).toBeGreaterThan(300);
  });

  test('start-next: a started head comes back as it is', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    await queue(device);
    const first = await device.request('start-next', { statusDetails: { step: '1' } });
    const second = await device.request('start-next', { statusDetails: { step: '2' } });
    expect(second.body.execution).toEqual(first.body.execution);
    expect(second.body.execution).toMatchObject({ jobId, versionNumber: 2, statusDetails: { step: '1' } });
    const third = await device.request('start-next', { stepTimeoutInMinutes: 5 });
    expect(third.body.execution).toMatchObject({ jobId, versionNumber: 2, statusDetails: { step: '1' } });
    expect(third.body.execution?.approximateSecondsBeforeTimedOut).toBeGreaterThan(120);
  });

  test('start-next and $next without anything pending: accepted, and no execution', async () => {
    const device = await newDevice();
    for (const suffix of ['start-next', '$next/get']) {
      const answer = await device.request(suffix);
      expect(answer).toEqual({ accepted: true, body: { timestamp: A_NUMBER } });
    }
  });

  test('$next shows the next one and leaves it queued', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    await queue(device);
    const { body } = await device.request('$next/get');
    expect(body.execution).toMatchObject({
      jobId,
      status: 'QUEUED',
      jobDocument: DOCUMENT,
      versionNumber: 1,
    });
    const bare = await device.request('$next/get', { includeJobDocument: false });
    expect(bare.body.execution).toMatchObject({ jobId });
    expect(bare.body.execution).not.toHaveProperty('jobDocument');
  });

  test('describe: the current attempt, by number or numeric string', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    for (const executionNumber of [undefined, 1, '1']) {
      const { body } = await device.request(`${jobId}/get`, { executionNumber });
      expect(body.execution).toMatchObject({ jobId, thingName: device.name, executionNumber: 1 });
    }
    const other = await device.request(`${jobId}/get`, { executionNumber: '2', clientToken: 'c' });
    expect(other).toMatchObject({
      accepted: false,
      body: { code: 'ResourceNotFound', clientToken: 'c', message: A_TEXT },
    });
  });
});

describe('the list of pending executions', () => {
  test('every step of three jobs, with exactly the messages it makes, in order', async () => {
    const device = await newDevice();
    const one = await queue(device);
    const two = await queue(device);
    const three = await queue(device);
    expect(inOrder(device).filter((suffix) => suffix.startsWith('notify'))).toEqual([
      'notify',
      'notify-next',
      'notify',
      'notify',
    ]);

    // Starting one that is not the head makes it the head: notify-next only.
    device.clear();
    await device.request(`${two}/update`, { status: 'IN_PROGRESS' });
    const started = await device.next('notify-next');
    expect(started.body.execution).toMatchObject({
      jobId: two,
      status: 'IN_PROGRESS',
      jobDocument: DOCUMENT,
    });
    const { body: list } = await device.request('get');
    expect([idsOf(list.inProgressJobs), idsOf(list.queuedJobs)]).toEqual([[two], [one, three]]);
    expect(inOrder(device)).toEqual([`${two}/update/accepted`, 'notify-next', 'get/accepted']);

    // A terminal report: accepted, notify, notify-next.
    device.clear();
    await device.request(`${two}/update`, { status: 'SUCCEEDED' });
    expect((await device.next('notify')).body.jobs).toMatchObject({
      QUEUED: [{ jobId: one }, { jobId: three }],
    });
    expect((await device.next('notify-next')).body.execution).toMatchObject({ jobId: one, status: 'QUEUED' });
    expect(inOrder(device)).toEqual([`${two}/update/accepted`, 'notify', 'notify-next']);

    // Starting the head changes neither list nor head.
    device.clear();
    await device.request('start-next');
    await device.request(`${one}/update`, { status: 'IN_PROGRESS', statusDetails: { progress: '50%' } });
    await device.request(`${one}/update`, { status: 'FAILED' });
    expect((await device.next('notify')).body.jobs).toEqual({
      QUEUED: [expect.objectContaining({ jobId: three })],
    });
    expect((await device.next('notify-next')).body.execution).toMatchObject({ jobId: three });
    expect(inOrder(device)).toEqual([
      'start-next/accepted',
      `${one}/update/accepted`,
      `${one}/update/accepted`,
      'notify',
      'notify-next',
    ]);

    // The last one gone: an empty list, and no head.
    device.clear();
    await device.request(`${three}/update`, { status: 'REJECTED' });
    expect((await device.next('notify')).body).toEqual({ timestamp: A_NUMBER, jobs: {} });
    expect((await device.next('notify-next')).body).toEqual({ timestamp: A_NUMBER });
    expect(inOrder(device)).toEqual([`${three}/update/accepted`, 'notify', 'notify-next']);
  });

  test('at most 15 are listed; the 16th comes in when one has gone', async () => {
    const device = await newDevice();
    const ids: string[] = [];
    for (let i = 0; i < 15; i++) ids.push(await queue(device));
    device.clear();
    const body = (
      await muster.api('POST', '/jobs', {
        targets: { thingNames: [device.name] },
        document: DOCUMENT,
      })
    ).body as unknown;
    const last = (body as { jobId: string }).jobId;
    const full = await device.next('notify');
    expect(idsOf(full.body.jobs?.QUEUED)).toEqual(ids);

    await device.request('start-next');
    const { body: list } = await device.request('get');
    expect([idsOf(list.inProgressJobs), idsOf(list.queuedJobs)]).toEqual([ids.slice(0, 1), ids.slice(1)]);

    await device.request(`${ids[0]}/update`, { status: 'SUCCEEDED' });
    const next = await device.next('notify');
    expect(idsOf(next.body.jobs?.QUEUED)).toEqual([...ids.slice(1), last]);
    expect((await device.next('notify-next')).body.execution?.jobId).toBe(ids[1]);
  });

  test('canceled executions leave the list', async () => {
    const device = await newDevice();
    const one = await queue(device);
    const two = await queue(device);
    device.clear();
    await muster.api('POST', `/jobs/${one}/cancel`, {});
    const list = await device.next('notify');
    expect(idsOf(list.body.jobs?.QUEUED)).toEqual([two]);
    expect((await device.next('notify-next')).body.execution?.jobId).toBe(two);
  });

  test('a device that was away gets what was published meanwhile', async () => {
    const credentials = await createThing(muster, `thing-${++things}`);
    await (await connectDevice(muster, credentials)).close();
    const body = (
      await muster.api('POST', '/jobs', {
        targets: { thingNames: [credentials.username] },
        document: DOCUMENT,
      })
    ).body as unknown;
    const { jobId } = body as { jobId: string };
    await eventually(async () => {
      const execution = (await muster.api('GET', `/jobs/${jobId}/executions/${credentials.username}`))
        .body as unknown;
      expect(execution).toMatchObject({ status: 'QUEUED' });
    });
    const device = await connectDevice(muster, credentials);
    devices.push(device);
    await device.next('notify', ({ jobs }) => jobs?.QUEUED?.[0]?.jobId === jobId);
    await device.next('notify-next', ({ execution }) => execution?.jobId === jobId);
  });
});

describe('reports', () => {
  test('progress again and again; statusDetails left out stay', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const update = (body: Record<string, unknown>) =>
      device.request(`${jobId}/update`, { status: 'IN_PROGRESS', includeJobExecutionState: true, ...body });
    const state = (versionNumber: number, step: string) => ({
      accepted: true,
      body: { executionState: { status: 'IN_PROGRESS', statusDetails: { step }, versionNumber } },
    });
    expect(await update({ statusDetails: { step: '1' } })).toMatchObject(state(2, '1'));
    expect(await update({})).toMatchObject(state(3, '1'));
    expect(await update({ statusDetails: { step: '2' } })).toMatchObject(state(4, '2'));
    const done = await update({ status: 'SUCCEEDED', includeJobDocument: true, clientToken: 'last' });
    expect(done).toEqual({
      accepted: true,
      body: {
        executionState: { status: 'SUCCEEDED', statusDetails: { step: '2' }, versionNumber: 5 },
        jobDocument: DOCUMENT,
        timestamp: A_NUMBER,
        clientToken: 'last',
      },
    });
    expect(await executionOf(device, jobId)).toMatchObject({
      status: 'SUCCEEDED',
      statusDetails: { step: '2' },
    });
  });

  test('an answer says no more than was asked for', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const answer = await device.request(`${jobId}/update`, { status: 'IN_PROGRESS' });
    expect(answer).toEqual({ accepted: true, body: { timestamp: A_NUMBER } });
  });

  test.each(['SUCCEEDED', 'FAILED', 'REJECTED'])('queued to %s directly', async (status) => {
    const device = await newDevice();
    const jobId = await queue(device);
    const { body } = await device.request(`${jobId}/update`, { status, includeJobExecutionState: true });
    expect(body.executionState).toEqual({ status, versionNumber: 2 });
    // What is accepted is in the store.
    expect(await executionOf(device, jobId)).toMatchObject({ status, versionNumber: 2 });
  });

  test('expectedVersion: another one changes nothing, a numeric string will do', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const report = (expectedVersion: unknown) =>
      device.request(`${jobId}/update`, {
        status: 'IN_PROGRESS',
        expectedVersion,
        clientToken: `v${String(expectedVersion)}`,
      });
    for (const wrong of [2, '2', 0]) {
      expect(await report(wrong)).toMatchObject({
        accepted: false,
        body: {
          code: 'VersionMismatch',
          clientToken: `v${wrong}`,
          executionState: { status: 'QUEUED', versionNumber: 1 },
        },
      });
    }
    expect(await report('1')).toMatchObject({ accepted: true });
    expect(await report(2)).toMatchObject({ accepted: true });
    expect(await executionOf(device, jobId)).toMatchObject({ versionNumber: 3 });
  });

  test('a terminal execution stays what it is', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    await device.request(`${jobId}/update`, { status: 'FAILED', statusDetails: { why: 'disk' } });
    for (const status of ['IN_PROGRESS', 'SUCCEEDED', 'FAILED']) {
      const answer = await device.request(`${jobId}/update`, { status, clientToken: 'late' });
      expect(answer).toEqual({
        accepted: false,
        body: {
          code: 'InvalidStateTransition',
          message: textWith('FAILED'),
          clientToken: 'late',
          timestamp: A_NUMBER,
          executionState: { status: 'FAILED', statusDetails: { why: 'disk' }, versionNumber: 2 },
        },
      });
    }
  });

  test('a repeated report gets the first answer again', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const progress = { status: 'IN_PROGRESS', clientToken: 'p', includeJobExecutionState: true };
    const done = { ...progress, status: 'SUCCEEDED', clientToken: 'd', expectedVersion: 2 };
    const first = await device.request(`${jobId}/update`, progress);
    expect(await device.request(`${jobId}/update`, progress)).toEqual(first);
    const last = await device.request(`${jobId}/update`, done);
    expect(last).toMatchObject({ accepted: true, body: { executionState: { versionNumber: 3 } } });
    expect(await device.request(`${jobId}/update`, done)).toEqual(last);
    expect(await device.request(`${jobId}/update`, progress)).toEqual(first);
    expect(await executionOf(device, jobId)).toMatchObject({ status: 'SUCCEEDED', versionNumber: 3 });
  });

  test('the same token with another field is another report', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const constant = { status: 'IN_PROGRESS', clientToken: 'constant', includeJobExecutionState: true };
    const update = (fields: Record<string, unknown>) =>
      device.request(`${jobId}/update`, { ...constant, ...fields });
    const versions: unknown[] = [];
    for (const fields of [
      {},
      { expectedVersion: 2 },
      { expectedVersion: '3' },
      { expectedVersion: 4 },
      { executionNumber: 1 },
      { stepTimeoutInMinutes: 5 },
      { includeJobDocument: true },
      { statusDetails: {} },
    ]) {
      const { accepted, body } = await update(fields);
      versions.push(accepted ? body.executionState?.versionNumber : body);
    }
    expect(versions).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    const last = await update({ status: 'SUCCEEDED', expectedVersion: 9 });
    expect(last).toMatchObject({ accepted: true, body: { executionState: { versionNumber: 10 } } });
    const stale = await update({ status: 'SUCCEEDED', expectedVersion: 8 });
    expect(stale).toMatchObject({ accepted: false, body: { code: 'InvalidStateTransition' } });
  });

  test('a repeat is known however it comes in: fields in another order, another prefix, over HTTPS', async () => {
    const device = await newDevice(PREFIXES);
    const jobId = await queue(device);
    const report = '"status":"SUCCEEDED","clientToken":"c","includeJobExecutionState":true';
    const first = await device.request(`${jobId}/update`, `{${report},"statusDetails":{"a":"1","b":"2"}}`);
    const again = `{"statusDetails":{"b":"2","a":"1"},${report}}`;
    expect(await device.request(`${jobId}/update`, again)).toEqual(first);
    expect(await device.request(`${jobId}/update`, again, PREFIXES[1])).toEqual(first);
    const body = { thingName: device.name, ...(JSON.parse(again) as object) };
    const overHttps = await muster.api('POST', `/thing-datas/jobs/${jobId}/update`, body);
    expect(overHttps).toMatchObject({ status: 200, body: first.body });
    expect(await executionOf(device, jobId)).toMatchObject({ status: 'SUCCEEDED', versionNumber: 2 });
  });

  test('details keep every name, __proto__ too, at every door', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const pairs = [
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['prototype', 'q'],
      ['toString', 't'],
    ];
    const of = (details: unknown) => Object.entries(details as object).sort();
    const statusDetails = Object.fromEntries(pairs) as Record<string, string>;
    const report = { status: 'IN_PROGRESS', statusDetails, includeJobExecutionState: true };
    const overMqtt = await device.request(`${jobId}/update`, report);
    expect(of(overMqtt.body.executionState!.statusDetails)).toEqual([...pairs].sort());
    const overHttps = await muster.api('POST', `/thing-datas/jobs/${jobId}/update`, {
      thingName: device.name,
      ...report,
    });
    expect(of(overHttps.body.executionState.statusDetails)).toEqual([...pairs].sort());
    const { body } = await device.request(`${jobId}/get`);
    expect(of((body.execution as unknown as typeof report).statusDetails)).toEqual([...pairs].sort());
    const execution = await executionOf(device, jobId);
    expect(of(execution.statusDetails)).toEqual([...pairs].sort());
    expect(of((execution.transitions as (typeof report)[]).at(-1)!.statusDetails)).toEqual([...pairs].sort());
  });

  test('the largest report is taken at both doors, however its characters are escaped', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const keys = Array.from({ length: 10 }, (_, i) => `${i}`.padStart(128, 'k'));
    const statusDetails = Object.fromEntries(keys.map((key) => [key, '🚀'.repeat(1_024)]));
    const report = { status: 'IN_PROGRESS', statusDetails, thingName: device.name };
    // As json.dumps of Python writes it.
    const escaped = JSON.stringify(report).replace(
      /[^\x00-\x7f]/g, // eslint-disable-line no-control-regex
      (unit) => `\\u${unit.charCodeAt(0).toString(16)}`,
    );
    expect(escaped.length).toBeGreaterThan(120_000);
    expect(await device.request(`${jobId}/update`, escaped)).toMatchObject({ accepted: true });
    expect(await device.request(`${jobId}/update`, JSON.stringify(report))).toMatchObject({ accepted: true });
    const { http, key, secret } = muster;
    const overHttps = await fetch(`${http}/api/v1/thing-datas/jobs/${jobId}/update`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: escaped,
    });
    expect(overHttps.status).toBe(200);
    expect(await executionOf(device, jobId)).toMatchObject({ statusDetails, versionNumber: 4 });

    statusDetails[keys[0]!] += '🚀';
    const tooLong = {
      accepted: false,
      body: { code: 'InvalidRequest', message: textWith('1,024 characters') },
    };
    expect(await device.request(`${jobId}/update`, JSON.stringify(report))).toMatchObject(tooLong);
    expect(await muster.api('POST', `/thing-datas/jobs/${jobId}/update`, report)).toMatchObject({
      status: 400,
    });
  });

  test('reports sent at once are taken in their order', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const topic = `$emqx/things/${device.name}/jobs/${jobId}/update`;
    const steps = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(
      steps.map((step) =>
        device.publishRaw(
          topic,
          JSON.stringify({ status: 'IN_PROGRESS', statusDetails: { step }, clientToken: step }),
        ),
      ),
    );
    const answered: (string | undefined)[] = [];
    while (answered.length < steps.length)
      answered.push((await device.next(`${jobId}/update/accepted`)).body.clientToken);
    expect(answered).toEqual(steps);
    const { transitions } = await executionOf(device, jobId);
    expect((transitions as { statusDetails: unknown }[]).slice(1).map((t) => t.statusDetails)).toEqual(
      steps.map((step) => ({ step })),
    );
  });

  test('start-next right behind the last report gets the next job, not the finished one again', async () => {
    const device = await newDevice();
    const [first, second] = [await queue(device), await queue(device)];
    await device.request('start-next');
    const topic = (suffix: string) => `$emqx/things/${device.name}/jobs/${suffix}`;
    const reported = device.publishRaw(topic(`${first}/update`), JSON.stringify({ status: 'SUCCEEDED' }));
    const asked = device.publishRaw(topic('start-next'), JSON.stringify({ clientToken: 'next' }));
    await Promise.all([reported, asked]);
    const { body } = await device.next('start-next/accepted', ({ clientToken }) => clientToken === 'next');
    expect(body.execution).toMatchObject({ jobId: second, status: 'IN_PROGRESS' });
  });

  test('a repeated start-next starts nothing more', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    await queue(device);
    const first = await device.request('start-next', { clientToken: 's' });
    const second = await device.request('start-next', { clientToken: 's' });
    expect(second).toEqual({ ...first, body: { ...first.body, timestamp: A_NUMBER } });
    expect(second.body.execution).toMatchObject({ jobId, versionNumber: 2 });
  });

  test('a thing has only its own executions', async () => {
    const [mine, other] = [await newDevice(), await newDevice()];
    const jobId = await queue(other);
    for (const [suffix, body] of [
      [`${jobId}/update`, { status: 'SUCCEEDED', clientToken: 'c' }],
      [`${jobId}/get`, { clientToken: 'c' }],
    ] as const) {
      expect(await mine.request(suffix, body)).toMatchObject({
        accepted: false,
        body: { code: 'ResourceNotFound', clientToken: 'c' },
      });
    }
    expect(await executionOf(other, jobId)).toMatchObject({ status: 'QUEUED', versionNumber: 1 });
  });
});

test('answers go out under the prefix of the request, notifications under all', async () => {
  const device = await newDevice(PREFIXES);
  const jobId = await queue(device);
  await eventually(() => {
    for (const name of ['notify', 'notify-next']) {
      const under = device.messages.filter(({ suffix }) => suffix === name).map(({ prefix }) => prefix);
      expect(under.sort()).toEqual([...PREFIXES].sort());
    }
  });
  device.clear();
  for (const prefix of PREFIXES) {
    await device.request('get', {}, prefix);
    await device.request('$next/get', {}, prefix);
    await device.request('start-next', {}, prefix);
    await device.request(`${jobId}/update`, { status: 'IN_PROGRESS' }, prefix);
    await device.request(`${jobId}/update`, { status: 'QUEUED' }, prefix);
  }
  for (const prefix of PREFIXES) {
    expect(
      device.messages.filter((message) => message.prefix === prefix).map(({ suffix }) => suffix),
    ).toEqual([
      'get/accepted',
      '$next/get/accepted',
      'start-next/accepted',
      `${jobId}/update/accepted`,
      `${jobId}/update/rejected`,
    ]);
  }
});

describe('timers', () => {
  /** Of a timer that must not run out before its device has said what the test lets it say. */
  const LONG_ENOUGH = 15;
  const timedOut = async (device: Device, jobId: string) => {
    await device.next('notify', ({ jobs }) => !JSON.stringify(jobs).includes(jobId));
    await device.next('notify-next', ({ execution }) => execution?.jobId !== jobId);
    expect(await executionOf(device, jobId)).toMatchObject({ status: 'TIMED_OUT' });
  };
  const secondsLeft = async (device: Device, jobId: string) => {
    const { body } = await device.request(`${jobId}/get`);
    return body.execution?.approximateSecondsBeforeTimedOut;
  };

  test('the in-progress timer starts with the work and cannot be moved by the device', async () => {
    const device = await newDevice();
    const jobId = await queue(device, {
      timeoutConfig: { inProgressTimeoutInMinutes: seconds(LONG_ENOUGH) },
    });
    expect(await secondsLeft(device, jobId)).toBeUndefined();
    // The longest step timer does not outlive it.
    const { body } = await device.request('start-next', { stepTimeoutInMinutes: 10_080 });
    expect(body.execution?.approximateSecondsBeforeTimedOut).toBeLessThanOrEqual(LONG_ENOUGH);
    await device.request(`${jobId}/update`, { status: 'IN_PROGRESS', stepTimeoutInMinutes: 60 });
    expect(await secondsLeft(device, jobId)).toBeLessThanOrEqual(LONG_ENOUGH);
    await device.request(`${jobId}/update`, { status: 'IN_PROGRESS', stepTimeoutInMinutes: -1 });
    expect(await secondsLeft(device, jobId)).toBeLessThanOrEqual(LONG_ENOUGH);
    await timedOut(device, jobId);
    expect(await device.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({
      accepted: false,
      body: { code: 'InvalidStateTransition', executionState: { status: 'TIMED_OUT' } },
    });
  });

  test('a step timer is replaced, cleared, and set again', async () => {
    const device = await newDevice();
    const jobId = await queue(device);
    const update = (stepTimeoutInMinutes?: number) =>
      device.request(`${jobId}/update`, { status: 'IN_PROGRESS', stepTimeoutInMinutes });
    await device.request('start-next', { stepTimeoutInMinutes: seconds(LONG_ENOUGH) });
    await update(10);
    const replacedAt = Date.now();
    expect(await secondsLeft(device, jobId)).toBeGreaterThan(300);
    await update();
    expect(await secondsLeft(device, jobId)).toBeGreaterThan(300);
    await update(-1);
    expect(await secondsLeft(device, jobId)).toBeUndefined();
    // The first timer would have run out by now.
    await eventually(() => expect(Date.now()).toBeGreaterThan(replacedAt + (LONG_ENOUGH + 1) * 1_000));
    expect(await executionOf(device, jobId)).toMatchObject({ status: 'IN_PROGRESS' });
    await update(seconds(1));
    await timedOut(device, jobId);
  });

  test('the step timer of start-next runs out, and the next one is told', async () => {
    const device = await newDevice();
    const one = await queue(device);
    const two = await queue(device);
    await device.request('start-next', { stepTimeoutInMinutes: seconds(1) });
    await timedOut(device, one);
    expect((await device.request('start-next')).body.execution).toMatchObject({ jobId: two });
  });

  test('a queued execution times out only where the job says so', async () => {
    const device = await newDevice();
    const jobId = await queue(device, { timeoutConfig: { queuedTimeoutInMinutes: seconds(LONG_ENOUGH) } });
    const { body } = await device.request('$next/get');
    expect(body.execution?.approximateSecondsBeforeTimedOut).toBeLessThanOrEqual(LONG_ENOUGH);
    await timedOut(device, jobId);
  });
});

describe('what devices get wrong', () => {
  let device: Device;
  let jobId: string;

  beforeAll(async () => {
    device = await newDevice();
    // It stays for the whole group.
    devices.splice(devices.indexOf(device), 1);
    jobId = await queue(device);
  });

  afterAll(() => device.close());

  const pairs = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`key-${i}`, 'value']));

  test.each<[string, Record<string, unknown>, string]>([
    ['no status', {}, 'status'],
    ['status QUEUED', { status: 'QUEUED' }, 'status'],
    ['status CANCELED', { status: 'CANCELED' }, 'status'],
    ['status in lower case', { status: 'succeeded' }, 'status'],
    ['nested statusDetails', { status: 'FAILED', statusDetails: { a: { b: 'c' } } }, 'statusDetails.a'],
    ['11 statusDetails', { status: 'FAILED', statusDetails: pairs(11) }, 'statusDetails'],
    ['too long a detail', { status: 'FAILED', statusDetails: { a: 'x'.repeat(1025) } }, 'statusDetails.a'],
    ['too long a key', { status: 'FAILED', statusDetails: { ['k'.repeat(129)]: 'x' } }, 'statusDetails.k'],
    ['a step timeout of no time', { status: 'IN_PROGRESS', stepTimeoutInMinutes: 0 }, 'stepTimeoutInMinutes'],
    ['expectedVersion of letters', { status: 'FAILED', expectedVersion: 'two' }, 'expectedVersion'],
  ])('%s is InvalidRequest that names the field', async (_name, body, field) => {
    expect(await device.request(`${jobId}/update`, { clientToken: 'c', ...body })).toEqual({
      accepted: false,
      body: {
        code: 'InvalidRequest',
        message: textWith(field),
        clientToken: 'c',
        timestamp: A_NUMBER,
      },
    });
  });

  test.each<[string, string | Buffer, string]>([
    ['no JSON', 'SUCCEEDED', 'InvalidJson'],
    ['JSON that is no object', '["SUCCEEDED"]', 'InvalidJson'],
    ['binary', Buffer.from([0x00, 0xff, 0xfe, 0x80]), 'InvalidJson'],
    ['nothing at all', '', 'InvalidRequest'],
    ['a megabyte', `{"status":"SUCCEEDED","x":"${'x'.repeat(1_000_000)}"}`, 'InvalidRequest'],
    ['a nesting bomb', '{"a":'.repeat(10_000), 'InvalidJson'],
  ])('a payload of %s', async (_name, payload, code) => {
    expect(await device.request(`${jobId}/update`, payload)).toMatchObject({
      accepted: false,
      body: { code },
    });
  });

  test('an empty payload is an empty object', async () => {
    expect(await device.request('get', '')).toMatchObject({ accepted: true });
  });

  test('the number of another attempt is ResourceNotFound', async () => {
    for (const executionNumber of [2, '2']) {
      const answer = await device.request(`${jobId}/update`, { status: 'SUCCEEDED', executionNumber });
      expect(answer).toMatchObject({ accepted: false, body: { code: 'ResourceNotFound' } });
    }
  });

  test('a job that does not exist is ResourceNotFound', async () => {
    const answer = await device.request('3f1f3f0e-0000-4000-8000-000000000000/update', {
      status: 'SUCCEEDED',
    });
    expect(answer).toMatchObject({ accepted: false, body: { code: 'ResourceNotFound' } });
  });

  test('none of it changed anything, and the device is still served, at every QoS', async () => {
    expect(await executionOf(device, jobId)).toMatchObject({ status: 'QUEUED', versionNumber: 1 });
    for (const qos of [0, 1, 2] as const) {
      await device.publishRaw(
        `$emqx/things/${device.name}/jobs/get`,
        JSON.stringify({ clientToken: `q${qos}` }),
        {
          qos,
        },
      );
      await device.next('get/accepted', ({ clientToken }) => clientToken === `q${qos}`);
    }
    expect(muster.output()).not.toMatch(/"level":"(error|fatal)"/);
  });
});
