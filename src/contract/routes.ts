/**
 * The calls of the REST API, once: Express serves this table and OpenAPI is made of it. The keys are the operation
 * ids, the paths stand under `/api/v1`. A path that another one with a parameter would take, too, comes before it.
 */
import { z } from 'zod';
import {
  describeRequestSchema,
  getRequestSchema,
  startNextRequestSchema,
  updateRequestSchema,
} from './device';
import { MAX_DEVICE_PAYLOAD_BYTES } from '../domain/limits';
import type { ErrorCode } from './errors';
import * as rest from './rest';

export const API_ROOT = '/api/v1';
/** Of a browser that has signed in. */
export const SESSION_COOKIE = 'muster_session';

const KIB = 1024;
/** Bodies with 50 attributes and 50 tags, every character of them escaped. */
const THING_LIMIT = KIB * KIB;
/** Bodies that name 10,000 things. */
const NAMES_LIMIT = 2 * KIB * KIB;
const BULK_LIMIT = 16 * KIB * KIB;
/** Some of Temporal's largest, of 2 MiB each. */
const PAYLOADS_LIMIT = 16 * KIB * KIB;
export const DEFAULT_BODY_LIMIT = 256 * KIB;

const GIVES_CREDENTIALS =
  'It takes a key that may also `POST` under `/api/v1/thing-datas`: with its credentials one speaks for a thing.';

/** `THINGS`: also a thing with its own credentials. `ANY_KEY`: whatever its permissions. `EVERYBODY`: without credentials. */
export type Access = 'THINGS' | 'ANY_KEY' | 'EVERYBODY';

export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: `/${string}`;
  tag:
    | 'Jobs'
    | 'Executions'
    | 'Things'
    | 'Thing types'
    | 'Thing groups'
    | 'API keys'
    | 'Sessions'
    | 'What goes on'
    | 'Temporal'
    | 'Devices over HTTPS';
  summary: string;
  description?: string;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** Member of the body that the handler gets as JsonText, so that its values stay as they were given. */
  bodyText?: string;
  /** Left out, the body is an empty object. */
  bodyOptional?: true;
  /** Bytes; default 256 KiB. */
  bodyLimit?: number;
  /** By name, for the document. */
  examples?: Record<string, unknown>;
  /** Of success; without a body it is a 204. */
  status: 200 | 201 | 202 | 204;
  answer?: z.ZodType;
  /** Of each event, where the answer is a stream of them (text/event-stream). */
  event?: z.ZodType;
  /** Beside those that any call may end with. */
  errors: readonly ErrorCode[];
  /** Though it is a POST: a session needs no X-CSRF-Token for it. */
  changesNothing?: true;
  /** Who may call it. Left out: API keys whose permissions say so. */
  access?: Access;
}

const idempotencyKey = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional()
    .meta({
      description:
        'A repeat with the same key and body is answered with the first job (again 201 and `Location`); with another body it is IdempotencyKeyReused. A key belongs to the API key that used it; a deleted job does not set it free for as long as Temporal remembers its workflow (a day on the embedded server).',
    }),
});

const jobExamples = {
  'Firmware for a group': {
    description: 'Firmware update to v2.1.5',
    targets: { thingGroupNames: ['com.example.thermostat (default)'] },
    document: {
      action: 'updateFirmware',
      params: { version: '2.1.5', url: 'https://firmware.example.com/thermostat-v2.1.5.bin' },
    },
  },
  'A restart, also for things that join later': {
    name: 'restart',
    jobType: 'CONTINUOUS',
    targets: { thingNames: ['boiler-7'], thingGroupNames: ['pilot'] },
    document: { action: 'restart' },
    timeoutConfig: { inProgressTimeoutInMinutes: 10, queuedTimeoutInMinutes: 1440 },
  },
};

const ofThing = { thingName: z.string().meta({ description: 'The thing that asks.' }) };
const deviceAnswer = z.looseObject({ timestamp: z.int(), clientToken: z.string().optional() }).meta({
  id: 'DeviceAnswer',
  description: 'What a device gets over MQTT as `…/accepted`. Times are epoch seconds.',
});

export const ROUTES = {
  // ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────
  createJob: {
    method: 'post',
    path: '/jobs',
    tag: 'Jobs',
    summary: 'Create a job',
    description:
      'A 201 means that the job is durable and listed. Its executions follow: `targetCounts` tells how many of its targets are launched. A SNAPSHOT job without any thing in its targets is COMPLETED at once.',
    headers: idempotencyKey,
    body: rest.newJob,
    bodyText: 'document',
    bodyLimit: NAMES_LIMIT,
    examples: jobExamples,
    status: 201,
    answer: rest.job,
    errors: ['UnknownTarget', 'IdempotencyKeyReused'],
  },
  listJobs: {
    method: 'get',
    path: '/jobs',
    tag: 'Jobs',
    summary: 'List jobs, the newest first',
    query: rest.jobListQuery,
    status: 200,
    answer: rest.listOf(rest.jobSummary),
    errors: [],
  },
  previewJob: {
    method: 'post',
    path: '/jobs/preview',
    tag: 'Jobs',
    summary: 'Count the things that a job on these targets would reach now',
    body: rest.jobPreview,
    bodyLimit: NAMES_LIMIT,
    status: 200,
    answer: rest.jobReach,
    errors: ['UnknownTarget'],
  },
  getJob: {
    method: 'get',
    path: '/jobs/{jobId}',
    tag: 'Jobs',
    summary: 'Read a job',
    status: 200,
    answer: rest.job,
    errors: ['JobNotFound'],
  },
  cancelJob: {
    method: 'post',
    path: '/jobs/{jobId}/cancel',
    tag: 'Jobs',
    summary: 'Cancel a job',
    description:
      'No device gets it any more, and none can start it. Executions that are IN_PROGRESS run on and may still report; with `force` they are canceled, too. A job that is CANCELED while devices are still at work can be canceled again with `force`. Targets that were not launched get no execution: `targetCounts` counts them.',
    query: rest.forceQuery,
    body: rest.jobCancellation,
    bodyOptional: true,
    examples: {
      'With a reason': { reasonCode: 'USER_CANCEL', comment: 'Pausing rollout for investigation' },
      'Devices at work, too': { force: true },
    },
    status: 200,
    answer: rest.job,
    errors: ['JobNotFound', 'JobNotActive'],
  },
  deleteJob: {
    method: 'delete',
    path: '/jobs/{jobId}',
    tag: 'Jobs',
    summary: 'Delete a job and all its execution records',
    description: 'It is DELETION_IN_PROGRESS until every record is gone, and not found after that.',
    query: rest.forceQuery,
    status: 202,
    answer: rest.job,
    errors: ['JobNotFound', 'JobActive'],
  },
  getJobProgress: {
    method: 'get',
    path: '/jobs/{jobId}/progress',
    tag: 'Jobs',
    summary: 'Read how the executions of a job went on over time',
    status: 200,
    answer: rest.jobProgress,
    errors: ['JobNotFound'],
  },

  listTargets: {
    method: 'get',
    path: '/jobs/{jobId}/targets',
    tag: 'Jobs',
    summary: 'List the things that a job is for, in the order in which they are launched',
    query: rest.targetListQuery,
    status: 200,
    answer: rest.listOf(rest.target),
    errors: ['JobNotFound'],
  },

  // ── executions ──────────────────────────────────────────────────────────────────────────────────────────────
  listExecutions: {
    method: 'get',
    path: '/jobs/{jobId}/executions',
    tag: 'Executions',
    summary: 'List the executions of a job, by thing',
    query: rest.executionListQuery,
    status: 200,
    answer: rest.listOf(rest.execution),
    errors: ['JobNotFound'],
  },
  getExecution: {
    method: 'get',
    path: '/jobs/{jobId}/executions/{thingName}',
    tag: 'Executions',
    summary: 'Read an execution and how it got where it is',
    status: 200,
    answer: rest.executionDetail,
    errors: ['JobNotFound', 'ExecutionNotFound'],
  },
  cancelExecution: {
    method: 'post',
    path: '/jobs/{jobId}/executions/{thingName}/cancel',
    tag: 'Executions',
    summary: 'Cancel a job for one thing',
    query: rest.forceQuery,
    body: rest.executionCancellation,
    bodyOptional: true,
    status: 200,
    answer: rest.executionDetail,
    errors: ['ExecutionNotFound', 'InvalidStateTransition', 'VersionMismatch'],
  },
  deleteExecution: {
    method: 'delete',
    path: '/jobs/{jobId}/executions/{thingName}',
    tag: 'Executions',
    summary: 'Delete one execution record',
    query: rest.forceQuery,
    status: 204,
    errors: ['ExecutionNotFound', 'InvalidStateTransition'],
  },
  listJobsOfThing: {
    method: 'get',
    path: '/things/{thingName}/jobs',
    tag: 'Executions',
    summary: 'List the executions of a thing, the newest first',
    query: rest.thingJobsQuery,
    status: 200,
    answer: rest.listOf(rest.executionWithJobName),
    errors: ['ThingNotFound'],
  },

  // ── things ──────────────────────────────────────────────────────────────────────────────────────────────────
  createThing: {
    method: 'post',
    path: '/things',
    tag: 'Things',
    summary: 'Register a thing',
    description: GIVES_CREDENTIALS,
    body: rest.newThing,
    bodyLimit: THING_LIMIT,
    examples: {
      'A thermostat': {
        name: 'boiler-7',
        thingTypeName: 'com.example.thermostat',
        tags: ['floor-2', 'pilot'],
        attributes: { model: 'T-1000' },
      },
    },
    status: 201,
    answer: rest.thingWithCredentials,
    errors: ['AlreadyExists', 'UnknownThingType'],
  },
  createThings: {
    method: 'post',
    path: '/things/bulk',
    tag: 'Things',
    summary: 'Register up to 10,000 things',
    description: `Those that break a rule of form fail the call as a whole; those that cannot be registered are refused one by one. ${GIVES_CREDENTIALS}`,
    body: rest.newThings,
    bodyLimit: BULK_LIMIT,
    status: 200,
    answer: rest.bulkAnswer,
    errors: [],
  },
  listThings: {
    method: 'get',
    path: '/things',
    tag: 'Things',
    summary: 'List things, by name',
    query: rest.thingListQuery,
    status: 200,
    answer: rest.listOf(rest.thing),
    errors: [],
  },
  getThing: {
    method: 'get',
    path: '/things/{name}',
    tag: 'Things',
    summary: 'Read a thing',
    status: 200,
    answer: rest.thing,
    errors: ['ThingNotFound'],
  },
  updateThing: {
    method: 'patch',
    path: '/things/{name}',
    tag: 'Things',
    summary: 'Change a thing',
    body: rest.thingChanges,
    bodyLimit: THING_LIMIT,
    status: 200,
    answer: rest.thing,
    errors: ['ThingNotFound', 'UnknownThingType', 'AlreadyExists'],
  },
  deleteThing: {
    method: 'delete',
    path: '/things/{name}',
    tag: 'Things',
    summary: 'Delete a thing; its pending executions are REMOVED',
    status: 204,
    errors: ['ThingNotFound'],
  },
  renewCredentials: {
    method: 'post',
    path: '/things/{name}/credentials',
    tag: 'Things',
    summary: 'Renew the MQTT credentials of a thing',
    description: `The old ones end at once, and with them the connection that the thing may have. ${GIVES_CREDENTIALS}`,
    status: 200,
    answer: rest.thingWithCredentials,
    errors: ['ThingNotFound'],
  },
  revokeCredentials: {
    method: 'delete',
    path: '/things/{name}/credentials',
    tag: 'Things',
    summary: 'Revoke the MQTT credentials of a thing',
    status: 204,
    errors: ['ThingNotFound'],
  },

  // ── thing types ─────────────────────────────────────────────────────────────────────────────────────────────
  createThingType: {
    method: 'post',
    path: '/thing-types',
    tag: 'Thing types',
    summary: 'Create a thing type and its group `{type} (default)`',
    body: rest.newThingType,
    examples: { Thermostats: { name: 'com.example.thermostat', description: 'Room thermostats' } },
    status: 201,
    answer: rest.thingType,
    errors: ['AlreadyExists'],
  },
  listThingTypes: {
    method: 'get',
    path: '/thing-types',
    tag: 'Thing types',
    summary: 'List thing types, by name',
    query: rest.namedListQuery,
    status: 200,
    answer: rest.listOf(rest.thingType),
    errors: [],
  },
  getThingType: {
    method: 'get',
    path: '/thing-types/{name}',
    tag: 'Thing types',
    summary: 'Read a thing type',
    status: 200,
    answer: rest.thingType,
    errors: ['ThingTypeNotFound'],
  },
  deleteThingType: {
    method: 'delete',
    path: '/thing-types/{name}',
    tag: 'Thing types',
    summary: 'Delete a thing type that no thing uses, and its default group',
    status: 204,
    errors: ['ThingTypeNotFound', 'ThingTypeInUse'],
  },

  // ── thing groups ────────────────────────────────────────────────────────────────────────────────────────────
  createThingGroup: {
    method: 'post',
    path: '/thing-groups',
    tag: 'Thing groups',
    summary: 'Create a thing group',
    description:
      'With tags it is dynamic: it holds all things that carry all of them. Without, it is explicit.',
    body: rest.newThingGroup,
    examples: {
      Explicit: { name: 'pilot' },
      Dynamic: { name: 'pilots upstairs', tags: ['floor-2', 'pilot'] },
    },
    status: 201,
    answer: rest.thingGroupDetail,
    errors: ['AlreadyExists'],
  },
  listThingGroups: {
    method: 'get',
    path: '/thing-groups',
    tag: 'Thing groups',
    summary: 'List thing groups, by name',
    query: rest.namedListQuery,
    status: 200,
    answer: rest.listOf(rest.thingGroup),
    errors: [],
  },
  getThingGroup: {
    method: 'get',
    path: '/thing-groups/{name}',
    tag: 'Thing groups',
    summary: 'Read a thing group',
    status: 200,
    answer: rest.thingGroupDetail,
    errors: ['ThingGroupNotFound'],
  },
  deleteThingGroup: {
    method: 'delete',
    path: '/thing-groups/{name}',
    tag: 'Thing groups',
    summary: 'Delete a thing group; its things stay',
    status: 204,
    errors: ['ThingGroupNotFound', 'GroupNotEditable'],
  },
  listThingsOfGroup: {
    method: 'get',
    path: '/thing-groups/{name}/things',
    tag: 'Thing groups',
    summary: 'List the things in a group, by name',
    query: rest.memberListQuery,
    status: 200,
    answer: rest.listOf(rest.thing),
    errors: ['ThingGroupNotFound'],
  },
  changeThingsOfGroup: {
    method: 'post',
    path: '/thing-groups/{name}/things',
    tag: 'Thing groups',
    summary: 'Add and remove many things',
    description: 'Adding a member and removing a thing that is none change nothing.',
    body: rest.memberChanges,
    bodyLimit: NAMES_LIMIT * 2,
    examples: { 'In and out': { add: ['boiler-7', 'boiler-8'], remove: ['boiler-1'] } },
    status: 200,
    answer: rest.thingGroupDetail,
    errors: ['ThingGroupNotFound', 'GroupNotEditable', 'UnknownThing'],
  },
  addThingToGroup: {
    method: 'put',
    path: '/thing-groups/{name}/things/{thingName}',
    tag: 'Thing groups',
    summary: 'Add a thing',
    status: 204,
    errors: ['ThingGroupNotFound', 'GroupNotEditable', 'ThingNotFound'],
  },
  removeThingFromGroup: {
    method: 'delete',
    path: '/thing-groups/{name}/things/{thingName}',
    tag: 'Thing groups',
    summary: 'Remove a thing',
    status: 204,
    errors: ['ThingGroupNotFound', 'GroupNotEditable', 'ThingNotFound'],
  },

  // ── API keys ────────────────────────────────────────────────────────────────────────────────────────────────
  createApiKey: {
    method: 'post',
    path: '/api-keys',
    tag: 'API keys',
    summary: 'Create an API key; its secret is shown this once',
    description: 'A key can give only permissions that it has itself, else 403.',
    body: rest.newApiKey,
    examples: {
      'May read everything': {
        name: 'dashboard',
        permissions: [{ methods: ['GET'], pathPrefix: '/api/v1' }],
      },
    },
    status: 201,
    answer: rest.apiKeyWithSecret,
    errors: [],
  },
  listApiKeys: {
    method: 'get',
    path: '/api-keys',
    tag: 'API keys',
    summary: 'List API keys that are not revoked',
    query: rest.pageQuery,
    status: 200,
    answer: rest.listOf(rest.apiKey),
    errors: [],
  },
  revokeApiKey: {
    method: 'delete',
    path: '/api-keys/{apiKey}',
    tag: 'API keys',
    summary: 'Revoke an API key, from the next request on',
    description: 'A key can revoke itself, and those that may do no more than itself, else 403.',
    status: 204,
    errors: ['ApiKeyNotFound'],
  },

  // ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────
  createSession: {
    method: 'post',
    path: '/session',
    tag: 'Sessions',
    summary: 'Sign in with an API key',
    description:
      'For browsers: from here on the cookie `muster_session` stands in for the key, for 12 hours. Calls by cookie that change something carry `X-CSRF-Token`.',
    body: rest.newSession,
    status: 201,
    answer: rest.session,
    errors: [],
    access: 'EVERYBODY',
  },
  getSession: {
    method: 'get',
    path: '/session',
    tag: 'Sessions',
    summary: 'Read who is calling, and what they may do',
    status: 200,
    answer: rest.session,
    errors: [],
    access: 'ANY_KEY',
  },
  deleteSession: {
    method: 'delete',
    path: '/session',
    tag: 'Sessions',
    summary: 'Sign out',
    status: 204,
    errors: [],
    access: 'ANY_KEY',
  },

  // ── what goes on ────────────────────────────────────────────────────────────────────────────────────────────
  getAbout: {
    method: 'get',
    path: '/about',
    tag: 'What goes on',
    summary: 'Read the version of Muster and what it works with',
    status: 200,
    answer: rest.about,
    errors: [],
    access: 'ANY_KEY',
  },
  getOverview: {
    method: 'get',
    path: '/overview',
    tag: 'What goes on',
    summary: 'Read how everything stands',
    status: 200,
    answer: rest.overview,
    errors: [],
  },
  listenToEvents: {
    method: 'get',
    path: '/events',
    tag: 'What goes on',
    summary: 'Listen to what happens, as it happens',
    description:
      'Server-sent events. `ready` comes first on a new stream. A client that reconnects with `Last-Event-ID` gets everything it missed, or `reset` where that is no longer kept: then it reads everything anew. A client that does not read is cut off.',
    query: rest.eventsQuery,
    headers: rest.eventsHeaders,
    status: 200,
    event: rest.event,
    errors: ['ServiceUnavailable'],
  },

  // ── Temporal ────────────────────────────────────────────────────────────────────────────────────────────────
  decodePayloads: {
    method: 'post',
    path: '/codec/decode',
    tag: 'Temporal',
    summary: "Decrypt payloads: what Temporal's UI and command line ask of a codec server",
    description:
      'The codec endpoint is `/api/v1/codec`. Payloads that are not encrypted come back as they are. A page of the Temporal UI may call it with a session of Muster.',
    body: rest.payloads,
    bodyLimit: PAYLOADS_LIMIT,
    status: 200,
    answer: rest.payloads,
    errors: [],
    changesNothing: true,
  },
  encodePayloads: {
    method: 'post',
    path: '/codec/encode',
    tag: 'Temporal',
    summary: 'Encrypt payloads, the same way',
    body: rest.payloads,
    bodyLimit: PAYLOADS_LIMIT,
    status: 200,
    answer: rest.payloads,
    errors: [],
    changesNothing: true,
  },

  // ── devices over HTTPS ──────────────────────────────────────────────────────────────────────────────────────
  deviceGet: {
    method: 'post',
    path: '/thing-datas/jobs/get',
    tag: 'Devices over HTTPS',
    summary: 'The pending executions of a thing',
    body: getRequestSchema.extend(ofThing),
    bodyLimit: MAX_DEVICE_PAYLOAD_BYTES,
    status: 200,
    answer: deviceAnswer,
    errors: ['ThingNotFound'],
    access: 'THINGS',
  },
  deviceStartNext: {
    method: 'post',
    path: '/thing-datas/jobs/start-next',
    tag: 'Devices over HTTPS',
    summary: 'Take the next execution and mark it IN_PROGRESS',
    body: startNextRequestSchema.extend(ofThing),
    bodyLimit: MAX_DEVICE_PAYLOAD_BYTES,
    status: 200,
    answer: deviceAnswer,
    errors: ['ThingNotFound'],
    access: 'THINGS',
  },
  deviceDescribe: {
    method: 'post',
    path: '/thing-datas/jobs/{jobId}/get',
    tag: 'Devices over HTTPS',
    summary: 'Describe one execution; `$next` as jobId peeks at the next one',
    body: describeRequestSchema.extend(ofThing),
    bodyLimit: MAX_DEVICE_PAYLOAD_BYTES,
    status: 200,
    answer: deviceAnswer,
    errors: ['ThingNotFound', 'ResourceNotFound'],
    access: 'THINGS',
  },
  deviceUpdate: {
    method: 'post',
    path: '/thing-datas/jobs/{jobId}/update',
    tag: 'Devices over HTTPS',
    summary: 'Report the status of an execution',
    body: updateRequestSchema.extend(ofThing),
    bodyLimit: MAX_DEVICE_PAYLOAD_BYTES,
    status: 200,
    answer: deviceAnswer,
    errors: [
      'ThingNotFound',
      'ResourceNotFound',
      'InvalidStateTransition',
      'VersionMismatch',
      'TerminalStateReached',
    ],
    access: 'THINGS',
  },
} as const satisfies Record<string, Route>;

export type Operation = keyof typeof ROUTES;
