import { parseKeeping, toJson } from '../domain/json-text';
import { pathSegment } from '../domain/paths';
import type { Problem } from './bodies';
import { Failure, UsageError } from './failures';

/** Where Muster's REST API is and who asks. */
export interface Connection {
  /** Without a path, e.g. `http://127.0.0.1:8080`. */
  url: string;
  key: { key: string; secret: string };
  /** Milliseconds after which a request is given up. */
  timeoutMs: number;
}

/** One page of a list, or several joined. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Values of a query; `undefined` is left out, an array is repeated. */
export type Query = Record<string, string | number | boolean | string[] | undefined>;

interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The API understood and said no. */
export class ApiRefusal extends Failure {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(renderProblem(status, problem));
  }
}

/** Nothing answered. */
export class Unreachable extends Failure {}

/** The most that one page holds. */
const PAGE = 250;

export class MusterClient {
  constructor(private readonly connection: Connection) {}

  get<T>(path: string, query?: Query): Promise<T> {
    return this.request('GET', path, { query });
  }

  post<T>(path: string, body: unknown = {}, headers?: Record<string, string>): Promise<T> {
    return this.request('POST', path, { body, headers });
  }

  delete(path: string, query?: Query): Promise<void> {
    return this.request('DELETE', path, { query });
  }

  /** Follows the pages of a list until `limit` items are there. `nextCursor` says whether there are more. */
  async list<T>(path: string, query: Query, limit: number): Promise<Page<T>> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<T> = await this.get<Page<T>>(path, {
        ...query,
        limit: Math.min(PAGE, limit - items.length),
        cursor: cursor ?? undefined,
      });
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null && items.length < limit);
    return { items, nextCursor: cursor };
  }

  /**
   * One call to `/api/v1{path}`; the parsed body of its answer, a job's document as it stands there.
   * @throws ApiRefusal for an answer other than 2xx, Unreachable for none.
   */
  private async request<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    const { status, text } = await this.send(method, path, options);
    const body = parse(text);
    if (status >= 300) throw new ApiRefusal(status, isObject(body) ? body : { detail: text.slice(0, 500) });
    return body as T;
  }

  private async send(
    method: string,
    path: string,
    { query, body, headers }: RequestOptions,
  ): Promise<{ status: number; text: string }> {
    const { url, key, timeoutMs } = this.connection;
    try {
      const response = await fetch(`${url}/api/v1${path}${queryString(query)}`, {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(`${key.key}:${key.secret}`).toString('base64')}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : toJson(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw unreachable(url, timeoutMs, error as Error);
    }
  }
}

/** A name as one segment of a path. @throws UsageError where it can't be one */
export function segment(name: string): string {
  const part = pathSegment(name);
  if (part === undefined) throw new UsageError(`"${name}" is no name; give the one that a list shows.`);
  return part;
}

function queryString(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) value.forEach((one) => search.append(name, one));
    else if (value !== undefined) search.append(name, String(value));
  }
  return search.size > 0 ? `?${search.toString()}` : '';
}

function unreachable(url: string, timeoutMs: number, error: Error): Unreachable {
  if (error.name === 'TimeoutError') {
    return new Unreachable(
      `${url} did not answer within ${timeoutMs / 1000} s; look at its log, or allow more with --timeout.`,
    );
  }
  const { code } = (error.cause ?? error) as { code?: string };
  return new Unreachable(
    `Nothing answers at ${url} (${code ?? error.message}); start it with "muster up", or say where it is with --url.`,
  );
}

/** What went wrong in words: the detail, a line per field at fault, and what may help. */
export function renderProblem(
  status: number,
  { title, detail, code, errors = [] }: Partial<Problem>,
): string {
  const said = detail || title || `The API answered ${status}.`;
  return [
    code ? `${said} (${code})` : said,
    // A single fault is the whole of the detail.
    ...errors
      .filter(({ message }) => !said.includes(message))
      .map(({ path, message }) => (path ? `  ${path}: ${message}` : `  ${message}`)),
    ...(status === 401 ? ['Give a valid key with --api-key key:secret or in MUSTER_API_KEY.'] : []),
  ].join('\n');
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : parseKeeping(text, 'document');
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Partial<Problem> {
  return typeof value === 'object' && value !== null;
}
