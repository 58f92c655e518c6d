/** Shorthands of the REST API for tests about jobs. */
import { eventually } from './eventually';
import { createThing, connectDevice, type Device } from './device';
import type { Muster } from './muster';

export const DOCUMENT = { action: 'updateFirmware', params: { version: '2.1.5' } };

/** Registers a thing and connects it. */
export async function newDevice(
  muster: Muster,
  name: string,
  fields: Record<string, unknown> = {},
): Promise<Device> {
  return connectDevice(muster, await createThing(muster, name, fields));
}

/** @returns the job's id */
export async function createJob(muster: Muster, body: Record<string, unknown>): Promise<string> {
  const answer = await muster.api('POST', '/jobs', { document: DOCUMENT, ...body });
  if (answer.status !== 201) throw new Error(`POST /jobs: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.jobId;
}

export async function getJob(muster: Muster, jobId: string): Promise<any> {
  return (await muster.api('GET', `/jobs/${jobId}`)).body;
}

export async function getExecution(muster: Muster, jobId: string, thingName: string): Promise<any> {
  return (await muster.api('GET', `/jobs/${jobId}/executions/${thingName}`)).body;
}

/** Waits until a job has the status, and as many executions as given of each status. */
export function untilJob(
  muster: Muster,
  jobId: string,
  status: string,
  counts: Record<string, number> = {},
  timeoutMs?: number,
): Promise<any> {
  return eventually(async () => {
    const job = await getJob(muster, jobId);
    expect(job).toMatchObject({ status, executionCounts: counts });
    return job;
  }, timeoutMs);
}

/** Waits until an execution looks as given. */
export function untilExecution(
  muster: Muster,
  jobId: string,
  thingName: string,
  fields: Record<string, unknown>,
): Promise<any> {
  return eventually(async () => {
    const execution = await getExecution(muster, jobId, thingName);
    expect(execution).toMatchObject(fields);
    return execution;
  });
}

/** All items of a paged list. */
export async function listAll(muster: Muster, path: string): Promise<any[]> {
  const items: any[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const { status, body } = await muster.api(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=250${query}`,
    );
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    items.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor);
  return items;
}
