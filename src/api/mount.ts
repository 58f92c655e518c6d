/** Serves the table of routes: reads and checks requests, calls handlers, writes answers. */
import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { MusterError } from '../contract/errors';
import { DEFAULT_BODY_LIMIT, ROUTES, type Operation, type Route } from '../contract/routes';
import { toJson, type JsonText } from '../domain/json-text';
import type { Admission, Caller } from './auth';
import { readJson } from './body';
import { check, notFound } from './problems';

/** Whatever a call waits for: so long after it came in it is answered. */
const ANSWER_LIMIT_MS = 30_000;

type Params<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & Params<Rest>
  : unknown;
type Part<R, K extends string> = R extends Record<K, infer S extends z.ZodType> ? z.output<S> : undefined;

export interface Call<R extends Route> {
  params: Params<R['path']>;
  query: Part<R, 'query'>;
  headers: Part<R, 'headers'>;
  body: Part<R, 'body'>;
  caller: R extends { access: 'EVERYBODY' } ? undefined : Caller;
  /** Where to find what was made. */
  location: (path: string) => void;
  /** For cookies, and for streams of events: those are the handler's own once it has resolved. */
  response: Response;
}

type Answer<R> = R extends { answer: infer S extends z.ZodType } ? z.input<S> | JsonText : void;
type Handler<R extends Route> = (call: Call<R>) => Promise<Answer<R>>;

/** One for each operation. */
export type Handlers<O extends Operation = Operation> = { [K in O]: Handler<(typeof ROUTES)[K]> };

export function mountRoutes(handlers: Handlers): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use(requireReadable);
  const methods = new Map<string, string[]>();
  for (const [operation, route] of Object.entries<Route>(ROUTES)) {
    const handler = handlers[operation as Operation] as unknown as Handler<Route>;
    const path = toExpressPath(route.path);
    const answer: RequestHandler = (req, res) => serve(route, handler, req, res);
    router[route.method](path, ...bodyOf(route), answer);
    methods.set(path, [...(methods.get(path) ?? []), route.method.toUpperCase()]);
  }
  for (const [path, allowed] of methods) router.all(path, refuseMethod(allowed));
  router.use((req) => {
    throw notFound(req.baseUrl + req.path);
  });
  return router;
}

const BY_CALL = new Map(
  Object.values<Route>(ROUTES).map((route) => [`${route.method.toUpperCase()} ${route.path}`, route]),
);

/** Who may make a call at all, and by what. @param path under the root of the API */
export function admissionOf({ method, path }: Request): Admission {
  if (path.startsWith('/thing-datas/')) return { access: 'THINGS' };
  return BY_CALL.get(`${method} ${path}`) ?? {};
}

async function serve(route: Route, handler: Handler<Route>, req: Request, res: Response): Promise<void> {
  const call = {
    params: givenNames(req),
    query: route.query && check(route.query, req.query, 'query'),
    headers: route.headers && check(route.headers, givenHeaders(route.headers, req), 'header'),
    body: route.body && check(route.body, req.body, 'body'),
    caller: res.locals.caller!,
    location: (path) => res.location(req.baseUrl + path),
    response: res,
  } as Call<Route>;
  const answer: unknown = await withinLimit(handler(call), ANSWER_LIMIT_MS);
  if (route.event) return;
  res.status(route.status);
  if (route.answer) res.type('json').send(toJson(answer));
  else res.end();
}

/** @throws MusterError ServiceUnavailable where the work takes longer; it goes on all the same */
export async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tookTooLong(limitMs)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

function tookTooLong(limitMs: number): MusterError {
  return new MusterError(
    'ServiceUnavailable',
    `There was no outcome within ${limitMs / 1000} s. It may still come: look at what is there, then try again.`,
  );
}

function bodyOf({ body, bodyLimit = DEFAULT_BODY_LIMIT, ...route }: Route): RequestHandler[] {
  return body ? readJson({ ...route, bodyLimit }) : [];
}

function givenHeaders(schema: z.ZodObject, req: Request): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(schema.shape).map((name) => [name, req.get(name)]));
}

/** @throws MusterError InvalidRequest for an address that would be read as another one */
const requireReadable: RequestHandler = ({ originalUrl }, _res, next) => {
  if (isReadable(originalUrl)) return next();
  throw new MusterError('InvalidRequest', 'The path and the query must be percent-encoded as UTF-8.');
};

function isReadable(url: string): boolean {
  try {
    return decodeURIComponent(url) !== '';
  } catch {
    return false;
  }
}

/** No name that is there holds these; a slash would make a workflow's id out of it that is another one's. */
const IN_NO_NAME = /[/\p{Cc}]/u;

/** @throws MusterError NotFound for what can be no name */
function givenNames({ params, baseUrl, path }: Request): Request['params'] {
  if (
    Object.values(params)
      .flat()
      .some((name) => IN_NO_NAME.test(name))
  )
    throw notFound(baseUrl + path);
  return params;
}

function refuseMethod(allowed: string[]): RequestHandler {
  return (req, res) => {
    res.set('Allow', allowed.join(', '));
    throw new MusterError(
      'MethodNotAllowed',
      `${req.baseUrl + req.path} takes ${allowed.join(', ')}, not ${req.method}.`,
    );
  };
}

function toExpressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
