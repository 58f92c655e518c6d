/**
 * What a device may ask for, over MQTT and over HTTPS alike (PROTOCOL.md §2, "Payloads").
 * Fields that Muster doesn't know are ignored, as AWS IoT Jobs does: device libraries send some of their own, and a
 * thing in the field can't be corrected as easily as an operator's script.
 */
import { z } from 'zod';
import {
  MAX_CLIENT_TOKEN_LENGTH,
  MAX_DEVICE_PAYLOAD_BYTES,
  MAX_STATUS_DETAILS,
  MAX_TIMEOUT_MINUTES,
  MIN_TIMEOUT_MINUTES,
  STATUS_DETAIL_KEY_PATTERN,
  STATUS_DETAIL_VALUE_PATTERN,
} from '../domain/limits';
import { REPORTABLE_STATUSES } from '../domain/statuses';
import { pairs } from './pairs';
import { decodeUtf8 } from './utf8';

/** Comes back unchanged in the answer. Without control characters and halves of characters: it's kept as text. */
const clientToken = z
  .string({ error: mustBe('a string') })
  .regex(new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${MAX_CLIENT_TOKEN_LENGTH}}$`, 'u'), {
    error: `must be 1 to ${MAX_CLIENT_TOKEN_LENGTH} characters, without control characters`,
  });

/** Free words of the device about its progress: at most 10 pairs. */
const statusDetails = pairs({
  key: z.string().regex(STATUS_DETAIL_KEY_PATTERN, {
    error: 'is no valid key: use 1 to 128 letters, digits, ":", "_" and "-"',
  }),
  value: z.string({ error: mustBe('a string') }).regex(STATUS_DETAIL_VALUE_PATTERN, {
    error: 'must be at most 1,024 characters, without control characters',
  }),
  notAnObject: mustBe('an object of strings'),
}).refine((details) => Object.keys(details).length <= MAX_STATUS_DETAILS, {
  error: `must have at most ${MAX_STATUS_DETAILS} pairs`,
});

const STEP_TIMEOUT_RANGE = `a number of minutes from 1/60 to ${MAX_TIMEOUT_MINUTES}`;

/** Fractions are allowed: one second is 1/60. */
const stepTimeout = z
  .number({ error: mustBe(STEP_TIMEOUT_RANGE) })
  .min(MIN_TIMEOUT_MINUTES, { error: mustBe(STEP_TIMEOUT_RANGE) })
  .max(MAX_TIMEOUT_MINUTES, { error: mustBe(STEP_TIMEOUT_RANGE) });

/** In an update, -1 clears the running step timer. */
const movableStepTimeout = z.union([z.literal(-1), stepTimeout], {
  error: mustBe(`${STEP_TIMEOUT_RANGE}, or -1 to clear the timer`),
});

const WHOLE_NUMBER = 'a whole number, or a string of digits';

/** A widely used device library sends numbers as strings. */
const wholeNumber = z
  .union([z.number(), z.string().regex(/^\d+$/, { error: mustBe(WHOLE_NUMBER) })], {
    error: mustBe(WHOLE_NUMBER),
  })
  .transform(Number)
  .refine((value) => Number.isSafeInteger(value) && value >= 0, { error: mustBe(WHOLE_NUMBER) });

const flag = z.boolean({ error: mustBe('true or false') });

/** The pending executions of this thing. */
export const getRequestSchema = z.object({ clientToken: clientToken.optional() });

/** Take the next execution and mark it IN_PROGRESS. */
export const startNextRequestSchema = z.object({
  statusDetails: statusDetails.optional(),
  stepTimeoutInMinutes: stepTimeout.optional(),
  clientToken: clientToken.optional(),
});

/** Describe one execution; one that is not the current attempt isn't found. */
export const describeRequestSchema = z.object({
  executionNumber: wholeNumber.optional(),
  includeJobDocument: flag.default(true),
  clientToken: clientToken.optional(),
});

/** Report a status. */
export const updateRequestSchema = z.object({
  status: z.enum(REPORTABLE_STATUSES, { error: mustBe(`one of ${REPORTABLE_STATUSES.join(', ')}`) }),
  /** Left out: unchanged. */
  statusDetails: statusDetails.optional(),
  /** Another version than this: `VersionMismatch`, and nothing is changed. */
  expectedVersion: wholeNumber.optional(),
  /** Another attempt than the current one: `ResourceNotFound`. */
  executionNumber: wholeNumber.optional(),
  includeJobExecutionState: flag.default(false),
  includeJobDocument: flag.default(false),
  stepTimeoutInMinutes: movableStepTimeout.optional(),
  clientToken: clientToken.optional(),
});

export type GetRequest = z.infer<typeof getRequestSchema>;
export type StartNextRequest = z.infer<typeof startNextRequestSchema>;
export type DescribeRequest = z.infer<typeof describeRequestSchema>;
export type UpdateRequest = z.infer<typeof updateRequestSchema>;

export interface BadDeviceRequest {
  ok: false;
  code: 'InvalidJson' | 'InvalidRequest';
  /** Names the field, the value and what is allowed; bounded in length. */
  message: string;
  /** Where it could be read, so that the device can match the rejection to its request. */
  clientToken?: string;
}

export type ParsedDeviceRequest<T> = { ok: true; request: T } | BadDeviceRequest;

/**
 * Reads the payload of a device's request; an empty one is an empty object. Never throws.
 * @param schema one of the request schemas of this file
 */
export function parseDeviceRequest<T>(schema: z.ZodType<T>, payload: Buffer): ParsedDeviceRequest<T> {
  if (payload.length > MAX_DEVICE_PAYLOAD_BYTES) {
    const message = `The payload has ${payload.length} bytes; at most ${MAX_DEVICE_PAYLOAD_BYTES} are allowed.`;
    return { ok: false, code: 'InvalidRequest', message };
  }
  const body = payload.length === 0 ? {} : readJson(payload);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { ok: false, code: 'InvalidJson', message: 'The payload must be a JSON object in UTF-8.' };
  }
  return checkDeviceRequest(schema, body);
}

/**
 * The same for a body that is read already (HTTPS).
 */
export function checkDeviceRequest<T>(schema: z.ZodType<T>, body: object): ParsedDeviceRequest<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, request: parsed.data };
  const message = parsed.error.issues.slice(0, MAX_ISSUES_TOLD).map(sentence).join(' ');
  return { ok: false, code: 'InvalidRequest', message, ...readableToken(body) };
}

const MAX_ISSUES_TOLD = 3;
const MAX_CHARACTERS_QUOTED = 64;

function readJson(payload: Buffer): unknown {
  const text = decodeUtf8(payload);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readableToken(body: object): { clientToken?: string } {
  const token = clientToken.safeParse((body as { clientToken?: unknown }).clientToken);
  return token.success ? { clientToken: token.data } : {};
}

function sentence(issue: z.core.$ZodIssue): string {
  return `${shortened(issue.path.join('.'))} ${issue.message}.`;
}

/** An error text for zod that tells what a field must be, and what it is. */
function mustBe(what: string): (issue: z.core.$ZodRawIssue) => string {
  return ({ input }) =>
    input === undefined ? `is missing: it must be ${what}` : `must be ${what}, not ${named(input)}`;
}

function named(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return shortened(typeof value === 'string' ? JSON.stringify(value) : String(value));
}

function shortened(text: string): string {
  return text.length <= MAX_CHARACTERS_QUOTED ? text : `${text.slice(0, MAX_CHARACTERS_QUOTED)}…`;
}
