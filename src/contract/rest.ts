/** Bodies, queries and answers of the REST API (PROTOCOL.md §3): types, checks and OpenAPI all come from here. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from './errors';
import { pairs } from './pairs';
import { canonical, JsonFault, JsonText } from '../domain/json-text';
import {
  DEFAULT_LIST_LIMIT,
  GROUP_NAME_PATTERN,
  MAX_DOCUMENT_BYTES,
  MAX_LIST_LIMIT,
  MAX_PROGRESS_POINTS,
  MAX_TIMEOUT_MINUTES,
  MIN_TIMEOUT_MINUTES,
  THING_NAME_PATTERN,
} from '../domain/limits';
import { EVENT_TYPES } from '../domain/events';
import { EXECUTION_STATUSES, JOB_STATUSES, JOB_TYPES, TARGET_STATES } from '../domain/statuses';

export const MAX_THINGS_PER_CALL = 10_000;
const MAX_TARGET_GROUPS = 250;
const MAX_TAGS = 50;
const MAX_ATTRIBUTES = 50;
const MAX_DESCRIPTION = 2_028;
const MAX_PERMISSIONS = 50;
/** Whoever writes or reads a document as JSON has a stack that ends somewhere. */
const MAX_DOCUMENT_DEPTH = 100;
/** Appended to the name of a type, it must still be a name of a group. */
const MAX_TYPE_NAME = 128 - ' (default)'.length;

// ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────

const matching = (pattern: RegExp, rule: string) => z.string().regex(pattern, rule);

/** Counted as people do, and as JSON Schema does: an emoji is one character, however it was escaped. */
const atMost = (max: number) =>
  [
    (value: string) => [...value].length <= max,
    `must have at most ${max.toLocaleString('en')} characters`,
  ] as const;

/** Of one line or several, without other control characters. */
const text = (max: number) =>
  matching(/^(?:[^\p{Cc}\p{Cs}]|[\t\r\n])*$/u, 'must not hold control characters')
    .refine(...atMost(max))
    .meta({ maxLength: max });

/** What people call something. */
const label = text(128)
  .refine((value) => value !== '', 'must not be empty')
  .meta({ minLength: 1 });

const thingName = matching(
  THING_NAME_PATTERN,
  'must be 1 to 128 of letters, digits, ":", "_", "-" and ".", but not "." or ".."',
).meta({ description: 'Name of a thing: one level of a device topic.', example: 'boiler-7' });

const groupName = matching(
  GROUP_NAME_PATTERN,
  'must be 1 to 128 characters without "/", "+", "#", control characters and blanks at the ends, but not "." or ".."',
).meta({ description: 'Name of a thing group.', example: 'com.example.thermostat (default)' });

const thingTypeName = groupName
  .max(MAX_TYPE_NAME, `must have at most ${MAX_TYPE_NAME} characters`)
  .meta({ description: 'Name of a thing type.', example: 'com.example.thermostat' });

const mqttClientId = matching(
  /^[^\s/+#\p{C}]{1,128}$/u,
  'must be 1 to 128 characters without blanks, "/", "+" and "#"',
).meta({
  description:
    'Client id with which the thing connects to the broker; default: its name. None that begins with `muster-`.',
});

const TAG_RULE = 'must be 1 to 128 characters without control characters';
const tag = matching(/^(?! )\P{C}{1,128}(?<! )$/u, TAG_RULE).meta({ example: 'floor-2' });

const tags = z.array(tag).max(MAX_TAGS, `must be at most ${MAX_TAGS} tags`).default([]);

const attributes = pairs({
  key: matching(/^\P{C}{1,128}$/u, 'must be 1 to 128 characters without control characters'),
  value: z
    .string('must be a string')
    .regex(/^[^\p{Cc}\p{Cs}]{0,1024}$/u, 'must have at most 1,024 characters, no control characters'),
  notAnObject: 'must be an object of strings',
})
  .refine((given) => Object.keys(given).length <= MAX_ATTRIBUTES, `must be at most ${MAX_ATTRIBUTES} pairs`)
  .meta({
    description: `At most ${MAX_ATTRIBUTES} pairs; keys of up to 128, values of up to 1,024 characters.`,
    example: { model: 'T-1000', floor: '2' },
  });

const description = text(MAX_DESCRIPTION).meta({ description: 'Words for people, up to 2,028 characters.' });

const time = z.iso.datetime().meta({ description: 'ISO 8601, UTC.', example: '2026-03-01T12:00:00.000Z' });

const minutes = z
  .number()
  .min(MIN_TIMEOUT_MINUTES, 'must be at least one second (1/60)')
  .max(MAX_TIMEOUT_MINUTES, 'must be at most 10,080 (a week)');

const reasonCode = matching(
  /^[A-Z0-9_]{1,128}$/,
  'must be 1 to 128 of upper-case letters, digits and "_"',
).meta({ description: 'Why, for programs.', example: 'USER_CANCEL' });

const comment = text(MAX_DESCRIPTION).meta({
  description: 'Why, for people; up to 2,028 characters.',
  example: 'Pausing rollout for investigation',
});

const jobStatus = z.enum(JOB_STATUSES).meta({ id: 'JobStatus' });
const jobType = z.enum(JOB_TYPES).meta({
  id: 'JobType',
  description: 'SNAPSHOT: the targets of now. CONTINUOUS: also things that join a target group later.',
});
const executionStatus = z.enum(EXECUTION_STATUSES).meta({ id: 'ExecutionStatus' });
const executionCounts = z.record(executionStatus, z.int()).meta({
  id: 'ExecutionCounts',
  description: 'How many executions stand in each status.',
  required: [...EXECUTION_STATUSES],
});

const targetCounts = z
  .object({
    total: z.int().meta({
      description: 'Things that the job is for; of a CONTINUOUS job those that belong to its targets now.',
    }),
    launched: z.int().meta({ description: 'Those that have got an execution.' }),
    notLaunched: z.int().meta({
      description:
        'Those that have none: while the job is IN_PROGRESS they are still to be launched, else they never will be.',
    }),
  })
  .meta({ id: 'TargetCounts' });
const forceCanceled = z.boolean().meta({
  description: 'Whether it is CANCELED, and executions that were IN_PROGRESS were to stop as well.',
});
const targetState = z.enum(TARGET_STATES).meta({
  id: 'TargetState',
  description: 'WAITING to be launched, LAUNCHED, or NOT_LAUNCHED because the job was over before.',
});

const eventType = z.enum(EVENT_TYPES).meta({ id: 'EventType' });
const eventId = z.string().max(64, 'must have at most 64 characters');

// ── queries ─────────────────────────────────────────────────────────────────────────────────────────────────────

const LIMIT_RULE = `must be a whole number from 1 to ${MAX_LIST_LIMIT}`;
const page = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, LIMIT_RULE)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LIST_LIMIT, LIMIT_RULE)
    .default(DEFAULT_LIST_LIMIT)
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: MAX_LIST_LIMIT,
      default: DEFAULT_LIST_LIMIT,
      description: 'Items on a page.',
    }),
  cursor: z
    .string()
    .max(1_000)
    .optional()
    .meta({ description: '`nextCursor` of the page before; leave it out for the first page.' }),
};

const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true')
  .optional();

/** Of a name. What no name holds is refused: a NUL ends a text for SQLite, and PostgreSQL takes none. */
const partOfName = text(128).optional();
const search = partOfName.meta({ description: 'What the name holds, in upper or lower case.' });

export const pageQuery = z.strictObject(page);

export const memberListQuery = z.strictObject({ ...page, search });

export const jobListQuery = z.strictObject({
  ...page,
  status: jobStatus.optional(),
  jobType: jobType.optional(),
  name: partOfName.meta({ description: 'What the name of the job holds, in upper or lower case.' }),
});

export const executionListQuery = z.strictObject({
  ...page,
  status: executionStatus.optional(),
  thingName: partOfName.meta({ description: 'What the name of the thing begins with, exactly.' }),
  search: partOfName.meta({ description: 'What the name of the thing holds, in upper or lower case.' }),
});

export const targetListQuery = z.strictObject({ ...page, state: targetState.optional() });

export const namedListQuery = z.strictObject({
  ...page,
  name: partOfName.meta({ description: 'What the name begins with, exactly.' }),
  search,
});

export const thingJobsQuery = z.strictObject({ ...page, status: executionStatus.optional() });

export const thingListQuery = z.strictObject({
  ...page,
  name: partOfName.meta({ description: 'What the name of the thing begins with, exactly.' }),
  search,
  tag: z
    .union(
      [tag.transform((one) => [one]), z.array(tag).max(MAX_TAGS)],
      `each ${TAG_RULE}, at most ${MAX_TAGS}`,
    )
    .optional()
    .meta({ type: 'array', items: { type: 'string' }, description: 'Repeatable: things that carry all.' }),
  thingTypeName: partOfName.meta({ description: 'Name of a thing type.' }),
  connected: flag.meta({
    type: 'boolean',
    description: 'Things that are connected to the broker now, or those that are not.',
  }),
});

export const forceQuery = z.strictObject({
  force: flag.meta({
    type: 'boolean',
    default: false,
    description: 'Also where a device is at work, or the job is not at an end.',
  }),
});

// ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const timeoutConfig = z
  .strictObject({
    inProgressTimeoutInMinutes: minutes.optional().meta({
      description:
        'TIMED_OUT so long after the device has started: minutes, 1/60 to 10,080. Left out: never.',
    }),
    queuedTimeoutInMinutes: minutes.optional().meta({
      description: 'TIMED_OUT so long after it was queued: minutes, 1/60 to 10,080. Left out: never.',
    }),
  })
  .meta({ id: 'TimeoutConfig' });

const anyTargets = z
  .strictObject({
    thingNames: z
      .array(thingName)
      .max(MAX_THINGS_PER_CALL, 'must be at most 10,000 names; put the things into a group')
      .default([])
      .meta({ description: 'Things, up to 10,000.' }),
    thingGroupNames: z
      .array(groupName)
      .max(MAX_TARGET_GROUPS, `must be at most ${MAX_TARGET_GROUPS} names`)
      .default([])
      .meta({ description: `Groups, up to ${MAX_TARGET_GROUPS}: all their members are targeted.` }),
  })
  .meta({ id: 'Targets', description: 'At least one name. A thing reached twice gets one execution.' });

const targets = anyTargets.refine(
  ({ thingNames, thingGroupNames }) => thingNames.length + thingGroupNames.length > 0,
  'must name at least one thing in thingNames or one group in thingGroupNames',
);

const document = z
  .custom<JsonText>((value) => value instanceof JsonText && value.text.startsWith('{'), {
    error: ({ input }) => (input === undefined ? 'is required' : 'must be a JSON object'),
  })
  .meta({
    type: 'object',
    additionalProperties: true,
    description: `What the devices are to do: any JSON object of at most ${MAX_DOCUMENT_BYTES / 1024} KiB in UTF-8, in which no object has a name twice. Devices get every value as it stands here, numbers of any size included.`,
  });

/** Names that stand twice are refused: of such, one reader takes the first and another one the last. */
function checkValue(value: JsonText, context: z.core.$RefinementCtx<JsonText>): void {
  try {
    canonical(value, MAX_DOCUMENT_DEPTH);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    context.addIssue({ code: 'custom', path: error.path, message: error.message });
  }
}

export const newJob = z
  .strictObject({
    name: label.optional().meta({ description: 'For people; up to 128 characters.' }),
    jobType: jobType.default('SNAPSHOT'),
    description: description.optional(),
    targets,
    document: document
      .refine((value) => Buffer.byteLength(value.text) <= MAX_DOCUMENT_BYTES, {
        error: `must be at most ${MAX_DOCUMENT_BYTES.toLocaleString('en')} bytes of JSON`,
        abort: true,
      })
      .superRefine(checkValue),
    timeoutConfig: timeoutConfig.default({}),
  })
  .meta({ id: 'NewJob' });

export const jobSummary = z
  .object({
    jobId: z.string(),
    name: z.string().nullable(),
    jobType,
    status: jobStatus,
    targets: z.object({
      thingCount: z.int().meta({ description: 'Things that the job is for.' }),
      thingGroupNames: z.array(z.string()),
    }),
    createdAt: time,
    lastUpdatedAt: time,
    completedAt: time.nullable(),
    forceCanceled,
    executionCounts,
    targetCounts,
  })
  .meta({ id: 'JobSummary' });

export const job = z
  .object({
    jobId: z.string().meta({ description: 'UUID.' }),
    name: z.string().nullable(),
    jobType,
    status: jobStatus,
    description: z.string().nullable(),
    targets: z.object({ thingNames: z.array(z.string()), thingGroupNames: z.array(z.string()) }),
    document,
    timeoutConfig,
    forceCanceled,
    reasonCode: z.string().nullable().meta({ description: 'Of a canceled job.' }),
    comment: z.string().nullable().meta({ description: 'Of a canceled job.' }),
    createdBy: z.string().meta({ example: 'key:mk_x' }),
    createdAt: time,
    lastUpdatedAt: time,
    completedAt: time.nullable(),
    executionCounts,
    targetCounts,
  })
  .meta({ id: 'Job' });

export const target = z
  .object({ thingName: z.string(), state: targetState })
  .meta({ id: 'Target', description: 'A thing that a job is for.' });

export const jobCancellation = z
  .strictObject({
    reasonCode: reasonCode.optional(),
    comment: comment.optional(),
    force: z.boolean().default(false).meta({
      description: 'Also executions that are IN_PROGRESS; in a job that is CANCELED already, too.',
    }),
  })
  .meta({ id: 'JobCancellation' });

export const jobPreview = z.strictObject({ targets }).meta({ id: 'JobPreview' });

export const jobReach = z
  .object({ thingCount: z.int().meta({ description: 'Things that a job would reach now, each once.' }) })
  .meta({ id: 'JobReach' });

export const jobProgress = z
  .object({
    points: z.array(z.object({ at: time, executionCounts })).meta({
      description: `Oldest first, at most ${MAX_PROGRESS_POINTS}: from the creation to now, or to the end of the job.`,
    }),
  })
  .meta({ id: 'JobProgress' });

// ── executions ──────────────────────────────────────────────────────────────────────────────────────────────────

const statusDetails = z.record(z.string(), z.string()).nullable();

export const execution = z
  .object({
    jobId: z.string(),
    thingName: z.string(),
    status: executionStatus,
    statusDetails,
    versionNumber: z.int().meta({ description: 'Starts at 1, +1 with each accepted change.' }),
    executionNumber: z.int().meta({ description: '1, 2, … one per attempt.' }),
    queuedAt: time,
    startedAt: time.nullable(),
    lastUpdatedAt: time,
    finishedAt: time.nullable(),
  })
  .meta({ id: 'Execution' });

const jobName = z.string().nullable().meta({ description: 'Name of the job, where it has one.' });

export const executionWithJobName = z
  .object({ ...execution.shape, jobName })
  .meta({ id: 'ExecutionWithJobName' });

export const transition = z
  .object({
    versionNumber: z.int(),
    executionNumber: z.int(),
    from: z.union([executionStatus, z.null()]).meta({ description: 'Null where an attempt begins.' }),
    to: executionStatus,
    at: time,
    by: z.string().meta({ description: '`device`, `timer`, `membership` or `key:{key}`.' }),
    reason: z.string().nullable(),
    statusDetails,
  })
  .meta({ id: 'Transition' });

export const executionDetail = z
  .object({
    ...execution.shape,
    transitions: z.array(transition).meta({ description: 'Oldest first; of very many the latest 1,000.' }),
  })
  .meta({ id: 'ExecutionDetail' });

export const executionCancellation = z
  .strictObject({
    ...jobCancellation.shape,
    force: z.boolean().default(false).meta({ description: 'Also if it is IN_PROGRESS.' }),
    expectedVersion: z.int().min(1).optional().meta({ description: 'Cancel only if it is at this version.' }),
  })
  .meta({ id: 'ExecutionCancellation' });

// ── things ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const newThing = z
  .strictObject({
    name: thingName,
    mqttClientId: mqttClientId.optional(),
    thingTypeName: thingTypeName.optional(),
    tags,
    attributes: attributes.default({}),
  })
  .meta({ id: 'NewThing' });

export const newThings = z
  .strictObject({
    things: z
      .array(newThing)
      .min(1, 'must hold at least one thing')
      .max(MAX_THINGS_PER_CALL, 'must be at most 10,000 things; make several calls'),
  })
  .meta({ id: 'NewThings' });

export const thingChanges = z
  .strictObject({
    mqttClientId: mqttClientId.optional(),
    thingTypeName: thingTypeName.nullable().optional().meta({ description: 'Null: no type any more.' }),
    tags: tags.unwrap().optional().meta({ description: 'All tags from now on.' }),
    attributes: attributes.optional().meta({ description: 'All attributes from now on.' }),
  })
  .meta({ id: 'ThingChanges', description: 'What is left out stays as it is.' });

export const thing = z
  .object({
    name: z.string(),
    mqttClientId: z.string(),
    thingTypeName: z.string().nullable(),
    tags: z.array(z.string()),
    attributes: z.record(z.string(), z.string()),
    connection: z
      .object({ connected: z.boolean(), at: time.meta({ description: 'Since when.' }) })
      .nullable()
      .meta({ description: 'To the broker. Null: never seen, or the broker does not tell.' }),
    createdAt: time,
    lastUpdatedAt: time,
  })
  .meta({ id: 'Thing' });

export const thingWithCredentials = z
  .object({
    ...thing.shape,
    mqttCredentials: z
      .object({ clientId: z.string(), username: z.string(), password: z.string() })
      .meta({ description: 'With these the device connects. The password is shown this once.' }),
  })
  .meta({ id: 'ThingWithCredentials' });

export const bulkAnswer = z
  .object({
    created: z.array(thingWithCredentials),
    refused: z.array(
      z.object({
        index: z.int().meta({ description: 'Position in the call, from 0.' }),
        name: z.string(),
        code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
        detail: z.string(),
      }),
    ),
  })
  .meta({ id: 'BulkAnswer' });

// ── thing types and groups ──────────────────────────────────────────────────────────────────────────────────────

export const newThingType = z
  .strictObject({ name: thingTypeName, description: description.optional() })
  .meta({ id: 'NewThingType' });

export const thingType = z
  .object({ name: z.string(), description: z.string().nullable(), createdAt: time })
  .meta({ id: 'ThingType' });

export const newThingGroup = z
  .strictObject({
    name: groupName,
    description: description.optional(),
    tags: tags.meta({ description: 'With tags the group holds all things that carry all of them.' }),
  })
  .meta({ id: 'NewThingGroup' });

export const thingGroup = z
  .object({
    name: z.string(),
    kind: z.enum(['EXPLICIT', 'DYNAMIC', 'TYPE']).meta({
      description: 'EXPLICIT: members by hand. DYNAMIC: by tags. TYPE: all things of a type.',
    }),
    description: z.string().nullable(),
    tags: z.array(z.string()).meta({ description: 'Of a dynamic group.' }),
    thingTypeName: z.string().nullable().meta({ description: 'Of the default group of a type.' }),
    createdAt: time,
  })
  .meta({ id: 'ThingGroup' });

export const thingGroupDetail = z
  .object({ ...thingGroup.shape, thingCount: z.int() })
  .meta({ id: 'ThingGroupDetail' });

const names = z.array(thingName).max(MAX_THINGS_PER_CALL, 'must be at most 10,000 names').default([]);
export const memberChanges = z
  .strictObject({ add: names, remove: names })
  .refine(
    ({ add, remove }) => add.length + remove.length > 0,
    'must name at least one thing in add or remove',
  )
  .refine(({ add, remove }) => {
    const added = new Set(add);
    return !remove.some((name) => added.has(name));
  }, 'must not name a thing in both add and remove')
  .meta({ id: 'MemberChanges' });

// ── API keys ────────────────────────────────────────────────────────────────────────────────────────────────────

const method = z.enum(['*', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Methods in upper case, `*` for all. `/api/v1/jobs` is also `/api/v1/jobs/1`, but not `/api/v1/jobs-2`. */
export const permission = z
  .strictObject({
    methods: z.array(method).min(1, 'must hold at least one method').max(6),
    pathPrefix: matching(/^\/[\x21-\x7e]{0,255}$/, 'must be the beginning of a path, like /api/v1/jobs').meta(
      { description: 'At a boundary between segments.', example: '/api/v1/jobs' },
    ),
  })
  .meta({ id: 'Permission' });

const permissions = z
  .array(permission)
  .min(1, 'must hold at least one permission')
  .max(MAX_PERMISSIONS, `must be at most ${MAX_PERMISSIONS} permissions`);

export const newApiKey = z
  .strictObject({ name: label.meta({ description: 'Whose key it is.' }).optional(), permissions })
  .meta({ id: 'NewApiKey' });

export const apiKey = z
  .object({ apiKey: z.string(), name: z.string().nullable(), permissions, createdAt: time })
  .meta({ id: 'ApiKey' });

export const apiKeyWithSecret = z
  .object({ ...apiKey.shape, apiSecret: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'ApiKeyWithSecret' });

// ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────

export const newSession = z
  .strictObject({
    apiKey: z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters'),
    apiSecret: z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters'),
  })
  .meta({ id: 'NewSession' });

export const session = z
  .object({
    apiKey: z.string(),
    name: z.string().nullable().meta({ description: 'Of the key.' }),
    permissions,
    csrfToken: z.string().nullable().meta({
      description:
        'For the header `X-CSRF-Token` of every call by cookie that changes something. Null without a cookie.',
    }),
    expiresAt: time.nullable().meta({ description: 'When to sign in again. Null without a cookie.' }),
  })
  .meta({ id: 'Session' });

// ── what goes on ────────────────────────────────────────────────────────────────────────────────────────────────

export const about = z
  .object({
    version: z.string(),
    temporal: z.object({
      namespace: z.string(),
      uiUrl: z.string().nullable().meta({ description: "Of Temporal's web UI, where it is known." }),
    }),
    mqtt: z.object({
      url: z
        .string()
        .nullable()
        .meta({ example: 'mqtt://127.0.0.1:1883', description: 'Null where this process has no broker.' }),
      topicPrefixes: z.array(z.string()),
    }),
  })
  .meta({ id: 'About' });

const MAX_PAYLOADS = 1_000;

/** Of Temporal; what it may carry beside these is Temporal's. */
export const payloads = z
  .object({
    payloads: z
      .array(
        z.object({
          metadata: z.record(z.string(), z.base64()).nullish(),
          data: z.base64().nullish(),
        }),
      )
      .max(MAX_PAYLOADS)
      .optional()
      .meta({ description: 'As protobuf writes them in JSON: bytes in base64, an empty list left out.' }),
  })
  .meta({ id: 'Payloads' });

export const overview = z
  .object({
    jobs: z
      .record(jobStatus, z.int())
      .meta({ description: 'How many jobs stand in each status.', required: [...JOB_STATUSES] }),
    executions: executionCounts.meta({ description: 'Over all jobs that are IN_PROGRESS.' }),
    running: z.array(jobSummary).meta({ description: 'Jobs that are IN_PROGRESS: the 10 newest.' }),
    attention: z.object({
      jobs: z.array(jobSummary).meta({
        description:
          'The 10 newest that are IN_PROGRESS or ended in the last 24 hours, with executions that are FAILED, REJECTED or TIMED_OUT.',
      }),
      executions: z.array(executionWithJobName).meta({
        description:
          'The 10 that have been IN_PROGRESS for the longest time, of those that started more than 15 minutes ago.',
      }),
    }),
    activity: z
      .array(
        z.object({
          id: z.string().meta({ description: 'As in the stream of events.' }),
          type: eventType,
          at: time,
          jobId: z.string().nullable(),
          jobName,
          thingName: z.string().nullable(),
          data: z.record(z.string(), z.unknown()).meta({ description: 'As in the stream of events.' }),
        }),
      )
      .meta({
        description:
          'The 20 latest events of jobs and of executions that became FAILED, REJECTED or TIMED_OUT; latest first.',
      }),
    things: z.object({
      total: z.int(),
      connected: z.int().nullable().meta({ description: 'Null: the broker does not tell.' }),
    }),
  })
  .meta({ id: 'Overview' });

export const eventsQuery = z.strictObject({
  jobId: text(128).optional().meta({ description: 'Only what concerns this job.' }),
  lastEventId: eventId.optional().meta({ description: 'For clients that cannot set `Last-Event-ID`.' }),
});

export const eventsHeaders = z.object({
  'Last-Event-ID': eventId.optional().meta({ description: 'Id of the last event that the client has seen.' }),
});

const ofJob = { jobId: z.string(), at: time };
const eventOf = <T extends string, D extends z.ZodRawShape>(event: T, data: D) =>
  z.object({ id: z.string(), event: z.literal(event), data: z.object(data) });

/** What stands behind `data:` is JSON. */
export const event = z
  .discriminatedUnion('event', [
    eventOf('ready', {}),
    eventOf('reset', { reason: z.string() }),
    eventOf('job.created', { ...ofJob, name: z.string().nullable(), jobType, status: jobStatus }),
    eventOf('job.updated', { ...ofJob, status: jobStatus, by: z.string().optional() }),
    eventOf('job.deleted', { ...ofJob, name: z.string().nullable() }),
    eventOf('execution.changed', {
      ...ofJob,
      thingName: z.string(),
      executionNumber: z.int(),
      versionNumber: z.int(),
      from: z.union([executionStatus, z.null()]),
      to: executionStatus,
      by: z.string(),
    }),
    eventOf('execution.deleted', { ...ofJob, thingName: z.string() }),
    eventOf('thing.connected', { thingName: z.string(), at: time }),
    eventOf('thing.disconnected', { thingName: z.string(), at: time }),
  ])
  .meta({ id: 'Event', description: 'The fields of one event of the stream.' });

// ── everywhere ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A page of a list. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: 'Null on the last page.' }),
  });

/** RFC 9457. */
export const problem = z
  .object({
    type: z.string().meta({ description: '`urn:muster:problem:{code}`' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'Every offending field, up to 1,000; list positions are part of the path.' }),
    executionState: z
      .object({ status: executionStatus, versionNumber: z.int(), statusDetails: statusDetails.optional() })
      .optional()
      .meta({ description: 'With InvalidStateTransition and VersionMismatch: where the execution stands.' }),
    clientToken: z.string().optional().meta({ description: "Of a device's request." }),
  })
  .meta({ id: 'Problem' });
