/** Calls of the REST API, typed by its OpenAPI document, as the browser's session. */
import createClient, { defaultPathSerializer } from 'openapi-fetch';
import { parseKeeping, type JsonText } from '../../domain/json-text';
import { pathSegment } from '../../domain/paths';
import type { components, paths } from './generated/schema';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];
/** With its document as it stands in the answer. */
export type Job = Omit<Schemas['Job'], 'document'> & { document: JsonText };

/** A browser that shows no dialog of its own for a 401 is asked by this header. */
const client = createClient<paths>({
  headers: { 'X-Requested-With': 'muster-console' },
  pathSerializer(path, params) {
    for (const name of Object.values(params)) requireSegment(String(name));
    return defaultPathSerializer(path, params);
  },
});

let csrfToken: string | null = null;

/** @param token of the present session; null when there is none */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

client.use({
  onRequest({ request }) {
    if (csrfToken !== null && request.method !== 'GET') request.headers.set('X-CSRF-Token', csrfToken);
    return request;
  },
});

/** Muster answered, and the answer was no. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly status: number,
    readonly code: Problem['code'] | undefined,
    readonly title: string,
    /** What to do about it. */
    readonly detail: string,
    readonly errors: readonly { path: string; message: string }[],
  ) {
    super(detail);
  }
}

/** Muster did not answer: it is away, or the network is. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** @throws Refused for a name that a browser takes out of a path: the call would reach something else */
function requireSegment(name: string): void {
  if (pathSegment(name) !== undefined) return;
  throw new Refused(400, 'InvalidRequest', 'No such name', `"${name}" is no name that can be asked for.`, []);
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The body of a successful answer.
 * @throws Refused, or Unreachable
 */
async function bodyOf<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    if (cause instanceof Refused || (cause instanceof DOMException && cause.name === 'AbortError'))
      throw cause;
    throw new Unreachable('Muster does not answer.', { cause });
  });
  if (response.ok) return data as T;
  throw refusal(response, error);
}

/** The same of a job that was asked for as text. */
async function jobOf(call: Promise<Answer<string>>): Promise<Job> {
  return parseKeeping(await bodyOf(call), 'document') as Job;
}

/** A proxy in between may answer with something that is no problem document. */
function refusal({ status }: Response, body: unknown): Refused {
  const problem: Partial<Problem> = typeof body === 'object' && body !== null ? body : {};
  return new Refused(
    status,
    problem.code,
    problem.title ?? `HTTP ${status}`,
    problem.detail ?? 'The answer does not say why. Try again.',
    problem.errors ?? [],
  );
}

export { bodyOf, client, jobOf };
