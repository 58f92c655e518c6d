/** Calls of the REST API, typed by its OpenAPI document, as the browser's session. */
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/schema';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

/** A browser that shows no dialog of its own for a 401 is asked by this header. */
const client = createClient<paths>({ headers: { 'X-Requested-With': 'muster-console' } });

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
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Unreachable('Muster does not answer.', { cause });
  });
  if (response.ok) return data as T;
  throw refusal(response, error);
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

export { bodyOf, client };
