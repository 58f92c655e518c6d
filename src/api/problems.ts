/** The one place that makes answers of errors: problem documents (RFC 9457) with a stable code. */
import type { ErrorRequestHandler } from 'express';
import { isGrpcServiceError } from '@temporalio/client';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ERRORS, MusterError, type ErrorCode, type FieldError } from '../contract/errors';
import { problem } from '../contract/rest';
import { diskFaultOf, type DiskFault } from '../domain/disk';
import { isStoreUnavailable } from '../store/faults';
import { hasSignInPage } from './auth';

type Problem = z.input<typeof problem>;

const MAX_CHARACTERS_QUOTED = 64;
/** A body may hold more faults than anybody reads. */
const MAX_ERRORS_TOLD = 1_000;

/** Of a 429 that does not say itself how long to wait: a thing's share of requests is replenished in that time. */
const RETRY_SOON_SECONDS = 1;

export function problemHandler(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, req, res, next) => {
    if (res.headersSent) return next(thrown);
    const error = toMusterError(thrown);
    if (error.code === 'InternalError')
      log.error({ err: thrown, method: req.method, path: req.path }, 'A request failed.');
    if (error.code === 'ServiceUnavailable')
      log.warn({ err: thrown, method: req.method, path: req.path }, 'A request could not be served.');
    if (error.code === 'Unauthenticated' && !hasSignInPage(req))
      res.set('WWW-Authenticate', 'Basic realm="Muster", charset="UTF-8"');
    const wait = error.retryAfterSeconds ?? (error.status === 429 ? RETRY_SOON_SECONDS : undefined);
    if (wait !== undefined) res.set('Retry-After', String(wait));
    res
      .status(error.status)
      .type('application/problem+json')
      .send(JSON.stringify(toProblem(error)));
  };
}

/**
 * Checks what came in.
 * @param where names the part of the request where the whole of it is at fault
 * @throws MusterError InvalidRequest with every offending field
 */
export function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  where: 'body' | 'query' | 'header',
): z.output<T> {
  const result = schema.safeParse(value, { error: plainWords, reportInput: true });
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => toFieldErrors(issue, where));
  throw new MusterError('InvalidRequest', summary(errors), { errors: errors.slice(0, MAX_ERRORS_TOLD) });
}

function toProblem({ code, message, errors, executionState, clientToken }: MusterError): Problem {
  const { status, title } = ERRORS[code];
  return {
    type: `urn:muster:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    errors,
    executionState,
    clientToken,
  };
}

function toMusterError(thrown: unknown): MusterError {
  if (thrown instanceof MusterError) return thrown;
  if (!(thrown instanceof Error)) return internal(thrown);
  return (
    fromHttpError(thrown) ?? fromDisk(thrown) ?? fromTemporal(thrown) ?? fromStore(thrown) ?? internal(thrown)
  );
}

function internal(cause: unknown): MusterError {
  return new MusterError('InternalError', 'Muster failed to do this; its log says why.', { cause });
}

/** Express and its body parser say by a status what is wrong with a request. */
function fromHttpError(error: Error & { status?: unknown; limit?: unknown }): MusterError | undefined {
  const { status } = error;
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  if (status === 413) {
    return new MusterError(
      'PayloadTooLarge',
      `The body is larger than the ${Number(error.limit)} bytes that this call takes.`,
    );
  }
  if (status === 415)
    return new MusterError(
      'UnsupportedMediaType',
      'The body must be application/json in UTF-8, without an unknown encoding.',
    );
  return new MusterError('InvalidRequest', error.message);
}

const DISK: Record<DiskFault, string> = {
  full: 'The disk of Muster or of its database is full; make room on it, then try again.',
  'read-only': 'The disk of Muster or of its database is read-only; make it writable, then try again.',
};

function fromDisk(error: Error): MusterError | undefined {
  const fault = diskFaultOf(error);
  return fault && new MusterError('ServiceUnavailable', DISK[fault], { cause: error });
}

const TEMPORAL_OUT_OF_REACH = ['ServiceError', 'WorkflowUpdateRPCTimeoutOrCancelledError'];
/** Of gRPC: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE. */
const OUT_OF_REACH_CODES = [4, 8, 14];

function fromTemporal(error: Error): MusterError | undefined {
  const isOutOfReach = isGrpcServiceError(error) && OUT_OF_REACH_CODES.includes(error.code);
  if (!isOutOfReach && !TEMPORAL_OUT_OF_REACH.includes(error.name)) return undefined;
  return new MusterError('ServiceUnavailable', 'Temporal is out of reach; try again.', { cause: error });
}

function fromStore(error: Error): MusterError | undefined {
  if (!isStoreUnavailable(error)) return undefined;
  return new MusterError('ServiceUnavailable', 'The store is out of reach or too busy; try again.', {
    cause: error,
  });
}

function toFieldErrors(issue: z.core.$ZodIssue, where: string): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, shortened(key)].join('.'),
      message: 'is not a field of this request',
    }));
  }
  if (issue.code === 'invalid_key') {
    return [
      {
        path: path.join('.'),
        message: `is not a valid key: it ${issue.issues[0]?.message ?? 'breaks a rule'}`,
      },
    ];
  }
  return [
    { path: path.join('.') || where, message: `${issue.message}${isSecret(path) ? '' : given(issue.input)}` },
  ];
}

function isSecret(path: string[]): boolean {
  return path.at(-1) === 'apiSecret';
}

function given(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  return `; it is ${shortened(typeof value === 'string' ? JSON.stringify(value) : String(value))}`;
}

function shortened(text: string): string {
  return text.length > MAX_CHARACTERS_QUOTED ? `${text.slice(0, MAX_CHARACTERS_QUOTED)}…` : text;
}

function summary([first, ...others]: FieldError[]): string {
  const more =
    others.length > 0 ? ` ${others.length} more ${others.length > 1 ? 'faults' : 'fault'} in errors.` : '';
  return `${first!.path} ${first!.message}.${more}`;
}

/** Zod's own words where a schema has none. */
const plainWords: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${nameOf(issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    default:
      return undefined;
  }
};

const TYPE_NAMES: Record<string, string> = {
  record: 'an object',
  object: 'an object',
  array: 'an array',
  int: 'a whole number',
  boolean: 'true or false',
};

function nameOf(expected: string): string {
  return TYPE_NAMES[expected] ?? `a ${expected}`;
}

export function notFound(path: string): MusterError {
  return new MusterError(
    'NotFound' satisfies ErrorCode,
    `There is nothing at ${path}; /docs lists all calls.`,
  );
}
