/** The OpenAPI 3.1 document, made of the table of routes. */
import { OpenApiGeneratorV31, OpenAPIRegistry, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from './errors';
import { problem } from './rest';
import { API_ROOT, ROUTES, SESSION_COOKIE, type Route } from './routes';

type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** Codes that any call may end with. */
const GENERAL: readonly ErrorCode[] = ['Unauthenticated', 'Forbidden', 'RequestThrottled', 'InternalError'];
const WITH_BODY: readonly ErrorCode[] = [
  'InvalidJson',
  'InvalidRequest',
  'PayloadTooLarge',
  'UnsupportedMediaType',
];

/** @param version of Muster */
export function createOpenApiDocument(version: string): Document {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'basic',
    description: 'User name: the API key. Password: its secret.',
  });
  registry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'Of a browser that has signed in; with it `X-CSRF-Token` where something is changed.',
  });
  for (const [operationId, route] of Object.entries<Route>(ROUTES)) {
    registry.registerPath(toPath(operationId, route));
  }
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Muster',
      version,
      description:
        'Run one operation on many devices and see it through on each of them. Times are ISO 8601 in UTC; lists are paged with `limit` and `cursor`; unknown fields are errors; errors are problem documents (RFC 9457) with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { session: [] }],
  });
  return withPlainPatterns(document);
}

function withPlainPatterns(document: Document): Document {
  const text = JSON.stringify(document, (key, value: unknown) =>
    key === 'pattern' && typeof value === 'string' ? plainPattern(value) : value,
  );
  return JSON.parse(text) as Document;
}

/** Cc, within brackets. */
const CONTROL_CHARACTERS = '\\u0000-\\u001f\\u007f-\\u009f';

/**
 * The generator writes the flag of a pattern behind it, where JSON Schema has none. Few tools know categories of
 * characters; halves of surrogate pairs are none in UTF-8.
 */
function plainPattern(pattern: string): string {
  return pattern
    .replace(/\$\/u$/, '$')
    .replaceAll('\\p{Cc}\\p{Cs}', CONTROL_CHARACTERS)
    .replaceAll('\\P{Cc}', `[^${CONTROL_CHARACTERS}]`);
}

function toPath(operationId: string, route: Route): RouteConfig {
  const { method, path, tag, summary, description, query, headers, body, examples } = route;
  return {
    operationId,
    method,
    path: `${API_ROOT}${path}`,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(route.access === 'EVERYBODY' && { security: [] }),
    request: {
      params: pathParameters(path),
      query,
      headers,
      ...(body && {
        body: {
          required: !route.bodyOptional,
          content: { 'application/json': { schema: body, ...(examples && { examples: named(examples) }) } },
        },
      }),
    },
    responses: { [route.status]: success(route), ...problems(route) },
  };
}

function pathParameters(path: string): z.ZodObject | undefined {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  if (names.length === 0) return undefined;
  return z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
}

function success({ status, answer, event }: Route) {
  if (event) return { description: 'Events.', content: { 'text/event-stream': { schema: event } } };
  if (!answer) return { description: 'Done.' };
  const location = {
    Location: { schema: { type: 'string' as const }, description: 'Path of what was made.' },
  };
  return {
    description: status === 202 ? 'Begun.' : 'Done.',
    content: { 'application/json': { schema: answer } },
    ...(status === 201 && { headers: location }),
  };
}

/** One answer for each HTTP status, which names the codes that come with it. */
function problems(route: Route): RouteConfig['responses'] {
  const codes = new Set<ErrorCode>([...route.errors, ...GENERAL]);
  if (route.method !== 'get' && route.access !== 'EVERYBODY' && !route.changesNothing)
    codes.add('CsrfTokenMissing');
  if (route.query || route.headers) codes.add('InvalidRequest');
  if (route.body) WITH_BODY.forEach((code) => codes.add(code));
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, meaning } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${meaning}`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, meanings]) => [
      status,
      {
        description: meanings.join('\n\n'),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  );
}

function named(examples: Record<string, unknown>) {
  return Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
}
