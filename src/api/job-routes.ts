import { createHash, randomUUID } from 'node:crypto';
import { MusterError } from '../contract/errors';
import { canonical, type JsonText } from '../domain/json-text';
import { noExecutions } from '../domain/statuses';
import type { Db } from '../store/database';
import { unknownGroups } from '../store/groups';
import {
  findExecution,
  findJob,
  findRequestHash,
  listExecutions,
  listExecutionsOfThing,
  listJobs,
  listTargets,
} from '../store/job-queries';
import { countReached } from '../store/jobs';
import { readProgress } from '../store/progress';
import { sha256 } from '../store/secrets';
import { requireThing, unknownThings } from '../store/things';
import { toExecution, toExecutionDetail, toJob, toJobSummary, toPageOf, toProgressPoint } from './answers';
import { actor } from './auth';
import type { JobCommands } from './job-commands';
import type { Handlers } from './mount';

type JobOperation =
  | 'createJob'
  | 'listJobs'
  | 'getJob'
  | 'cancelJob'
  | 'deleteJob'
  | 'previewJob'
  | 'getJobProgress'
  | 'listTargets'
  | 'listExecutions'
  | 'getExecution'
  | 'cancelExecution'
  | 'deleteExecution'
  | 'listJobsOfThing';

export function jobRoutes({ db, commands }: { db: Db; commands: JobCommands }): Handlers<JobOperation> {
  return {
    async createJob({ body, headers, caller, location }) {
      const { document, ...request } = body;
      const key = headers['Idempotency-Key'];
      const createdBy = actor(caller);
      const jobId = key === undefined ? randomUUID() : uuidOf(`${createdBy}\n${key}`);
      const requestHash = key === undefined ? undefined : hashOf(request, document);
      if (!(await findRequestHash(db, jobId))) {
        await requireKnownTargets(db, body.targets);
        await commands.create({ ...request, documentJson: document.text, jobId, createdBy, requestHash });
      }
      if (requestHash !== undefined) await requireSameRequest(db, jobId, requestHash);
      location(`/jobs/${jobId}`);
      return toJob(await findJob(db, jobId));
    },

    async listJobs({ query: { limit, cursor, ...filter } }) {
      return toPageOf(await listJobs(db, filter, { limit, cursor }), toJobSummary);
    },

    async getJob({ params: { jobId } }) {
      return toJob(await findJob(db, jobId));
    },

    async cancelJob({ params: { jobId }, query, body, caller }) {
      const force = body.force || query.force === true;
      await commands.cancel(jobId, { ...body, force, by: actor(caller) });
      return toJob(await findJob(db, jobId));
    },

    async deleteJob({ params: { jobId }, query: { force = false }, caller }) {
      const before = await findJob(db, jobId);
      await commands.delete(jobId, { force, by: actor(caller) });
      const after = await findJob(db, jobId).catch(ifCode('JobNotFound', () => deleted(before)));
      return toJob(after);
    },

    async previewJob({ body: { targets } }) {
      await requireKnownTargets(db, targets);
      return { thingCount: await countReached(db, targets) };
    },

    async getJobProgress({ params: { jobId } }) {
      const points = await readProgress(db, jobId, Date.now());
      return { points: points.map(toProgressPoint) };
    },

    async listTargets({ params: { jobId }, query: { limit, cursor, state } }) {
      return listTargets(db, jobId, { state }, { limit, cursor });
    },

    async listExecutions({ params: { jobId }, query: { limit, cursor, status, thingName, search } }) {
      const filter = { status, thingNamePrefix: thingName, search };
      return toPageOf(await listExecutions(db, jobId, filter, { limit, cursor }), toExecution);
    },

    async getExecution({ params: { jobId, thingName } }) {
      return toExecutionDetail(await findExecution(db, jobId, thingName));
    },

    async cancelExecution({ params: { jobId, thingName }, query, body, caller }) {
      const { expectedVersion, reasonCode, comment } = body;
      const force = body.force || query.force === true;
      const reason = [reasonCode, comment].filter((part) => part !== undefined).join(': ') || undefined;
      await commands.cancelExecution(jobId, thingName, { by: actor(caller), reason, force, expectedVersion });
      return toExecutionDetail(await findExecution(db, jobId, thingName));
    },

    async deleteExecution({ params: { jobId, thingName }, query: { force = false }, caller }) {
      await commands.deleteExecution(jobId, thingName, { by: actor(caller), force });
    },

    async listJobsOfThing({ params: { thingName }, query: { limit, cursor, status } }) {
      await requireThing(db, thingName);
      return toPageOf(await listExecutionsOfThing(db, thingName, { status }, { limit, cursor }), toExecution);
    },
  };
}

/** The workflow checks again; here nothing has been started yet. */
async function requireKnownTargets(
  db: Db,
  targets: { thingNames: string[]; thingGroupNames: string[] },
): Promise<void> {
  const things = await unknownThings(db, targets.thingNames);
  const groups = await unknownGroups(db, targets.thingGroupNames);
  const errors = [
    ...things.map((name) => unknown('thingNames', targets.thingNames.indexOf(name), `thing "${name}"`)),
    ...groups.map((name) =>
      unknown('thingGroupNames', targets.thingGroupNames.indexOf(name), `thing group "${name}"`),
    ),
  ];
  if (errors.length === 0) return;
  const more = errors.length > 1 ? ` ${errors.length - 1} more in errors.` : '';
  throw new MusterError('UnknownTarget', `${errors[0]!.path}: ${errors[0]!.message}.${more}`, { errors });
}

function unknown(list: string, index: number, what: string) {
  return { path: `targets.${list}.${index}`, message: `there is no ${what}` };
}

/** However the document was written: two documents of the same value are the same. */
function hashOf(request: object, document: JsonText): string {
  return sha256(JSON.stringify([request, canonical(document, Infinity)]));
}

async function requireSameRequest(db: Db, jobId: string, requestHash: string): Promise<void> {
  const first = await findRequestHash(db, jobId);
  if (first?.requestHash === requestHash) return;
  throw new MusterError(
    'IdempotencyKeyReused',
    `This Idempotency-Key belongs to job ${jobId}, which was made by another request; take a new key.`,
  );
}

function ifCode<T>(code: MusterError['code'], then: () => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof MusterError && error.code === code) return then();
    throw error;
  };
}

/** A small job may be gone before its deletion is answered. */
function deleted(job: Awaited<ReturnType<typeof findJob>>): typeof job {
  return { ...job, status: 'DELETION_IN_PROGRESS', executionCounts: noExecutions() };
}

/** RFC 9562, version 5, in a namespace of our own. */
const NAMESPACE = Buffer.from('6f1d8c1e0a7e4d0f9b0d3c1b7a5e2f44', 'hex');

function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
