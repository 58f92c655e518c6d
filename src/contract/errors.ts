/** Every error code of the product: what a client may rely on, once. */
import type { ExecutionStatus } from '../domain/statuses';

interface ErrorDefinition {
  /** HTTP status of the problem document. */
  status: number;
  /** `title` of the problem document: the same for every occurrence. */
  title: string;
  meaning: string;
}

export const ERRORS = {
  // What the client sent
  InvalidRequest: {
    status: 400,
    title: 'Invalid request',
    meaning: 'The body, query or path breaks a rule; `errors` names every offending field.',
  },
  InvalidJson: {
    status: 400,
    title: 'Invalid JSON',
    meaning: 'The body is not JSON, or not an object.',
  },
  InvalidTopic: {
    status: 400,
    title: 'Invalid topic',
    meaning: 'A device published on a topic that Muster does not serve.',
  },
  PayloadTooLarge: {
    status: 413,
    title: 'Payload too large',
    meaning: 'The body is larger than this call takes.',
  },
  UnsupportedMediaType: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'A body has to be application/json.',
  },

  // Who sent it
  Unauthenticated: {
    status: 401,
    title: 'Not authenticated',
    meaning: 'The credentials are missing, wrong or revoked.',
  },
  Forbidden: {
    status: 403,
    title: 'Not permitted',
    meaning: 'The credentials are good, but do not permit this call.',
  },
  CsrfTokenMissing: {
    status: 403,
    title: 'CSRF token missing',
    meaning:
      'A call by session cookie that changes something must carry the `csrfToken` of the session as `X-CSRF-Token`.',
  },

  // What it speaks of
  NotFound: { status: 404, title: 'Not found', meaning: 'There is nothing at this path.' },
  MethodNotAllowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method; `Allow` lists those it has.',
  },
  JobNotFound: { status: 404, title: 'Job not found', meaning: 'There is no job with this id.' },
  ExecutionNotFound: {
    status: 404,
    title: 'Execution not found',
    meaning: 'The job has no execution on this thing.',
  },
  ThingNotFound: { status: 404, title: 'Thing not found', meaning: 'There is no thing with this name.' },
  ThingTypeNotFound: {
    status: 404,
    title: 'Thing type not found',
    meaning: 'There is no thing type with this name.',
  },
  ThingGroupNotFound: {
    status: 404,
    title: 'Thing group not found',
    meaning: 'There is no thing group with this name.',
  },
  ApiKeyNotFound: { status: 404, title: 'API key not found', meaning: 'There is no such API key.' },
  ResourceNotFound: {
    status: 404,
    title: 'Resource not found',
    meaning: 'The device has no such execution, or not with this execution number.',
  },
  UnknownTarget: {
    status: 422,
    title: 'Unknown target',
    meaning: 'The targets name things or groups that do not exist; `errors` names each.',
  },
  UnknownThing: {
    status: 422,
    title: 'Unknown thing',
    meaning: 'The body names things that do not exist; `errors` names each.',
  },
  UnknownThingType: {
    status: 422,
    title: 'Unknown thing type',
    meaning: 'The body names a thing type that does not exist.',
  },

  // What state it is in
  AlreadyExists: { status: 409, title: 'Already exists', meaning: 'The name or id is taken.' },
  JobNotActive: {
    status: 409,
    title: 'Job not active',
    meaning: 'The job is in a terminal state or being deleted, so that it cannot be canceled.',
  },
  JobActive: {
    status: 409,
    title: 'Job active',
    meaning: 'The job is in progress; deleting it takes `force=true`.',
  },
  InvalidStateTransition: {
    status: 409,
    title: 'Invalid state transition',
    meaning:
      'The execution cannot go from its status to the one asked for; `executionState` says where it is.',
  },
  TerminalStateReached: {
    status: 409,
    title: 'Terminal state reached',
    meaning: 'The execution has ended.',
  },
  VersionMismatch: {
    status: 409,
    title: 'Version mismatch',
    meaning: '`expectedVersion` is not the version of the execution; `executionState` tells it.',
  },
  GroupNotEditable: {
    status: 409,
    title: 'Group not editable',
    meaning: 'The members of a dynamic group or of the default group of a type follow from tags and types.',
  },
  ThingTypeInUse: {
    status: 409,
    title: 'Thing type in use',
    meaning: 'Things have this type; change or delete them first.',
  },
  IdempotencyKeyReused: {
    status: 422,
    title: 'Idempotency key reused',
    meaning: 'The Idempotency-Key belongs to an earlier job with another request body.',
  },

  // What Muster can do
  RequestThrottled: {
    status: 429,
    title: 'Too many requests',
    meaning: 'Slow down; `Retry-After` tells for how long.',
  },
  InternalError: {
    status: 500,
    title: 'Internal error',
    meaning: 'Muster failed; nothing is wrong with the request. The log has the cause.',
  },
  ServiceUnavailable: {
    status: 503,
    title: 'Service unavailable',
    meaning: 'A part that Muster needs is out of reach; try again.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** One offending field. `path` is dotted, list positions included: `targets.thingNames.3`. */
export interface FieldError {
  path: string;
  message: string;
}

/** Where an execution stands, told with `InvalidStateTransition` and `VersionMismatch`. */
export interface ExecutionStateExtra {
  status: ExecutionStatus;
  versionNumber: number;
  statusDetails?: Record<string, string>;
}

export interface ErrorExtras {
  errors?: FieldError[];
  executionState?: ExecutionStateExtra;
  /** Of the device's request. */
  clientToken?: string;
  /** When to try again: the header `Retry-After`. */
  retryAfterSeconds?: number;
  /** Of the fault beneath; for the log, never for the client. */
  cause?: unknown;
}

/** An answer that is not a success. Thrown anywhere above the domain, rendered in one place each by REST and MQTT. */
export class MusterError extends Error {
  override readonly name = 'MusterError';
  readonly errors?: FieldError[];
  readonly executionState?: ExecutionStateExtra;
  readonly clientToken?: string;
  readonly retryAfterSeconds?: number;

  /** @param detail one sentence for the client: the field, the value and the remedy */
  constructor(
    readonly code: ErrorCode,
    detail: string,
    { errors, executionState, clientToken, retryAfterSeconds, cause }: ErrorExtras = {},
  ) {
    super(detail, { cause });
    this.errors = errors;
    this.executionState = executionState;
    this.clientToken = clientToken;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
