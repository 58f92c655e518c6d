import { createOpenApiDocument } from './openapi';
import { newJob, newThing, newThingGroup } from './rest';
import { parseKeeping } from '../domain/json-text';
import { ROUTES, type Route } from './routes';

const document = createOpenApiDocument('1.2.3');
const routes = Object.entries<Route>(ROUTES);

it('holds every call of the table', () => {
  const documented = Object.values(document.paths!).flatMap((path) =>
    Object.values(path as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  expect(documented.sort()).toEqual(Object.keys(ROUTES).sort());
  expect(document).toMatchObject({ openapi: '3.1.0', security: [{ apiKey: [] }, { session: [] }] });
});

it('says for each call who it is for and how it may end', () => {
  for (const [operationId, { method, path, status }] of routes) {
    expect(document.paths![`/api/v1${path}`]![method]).toMatchObject({
      operationId,
      summary: expect.stringMatching(/\w/) as string,
      tags: [expect.any(String)],
      responses: {
        [status]: {},
        401: {
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
        500: {},
      },
    });
  }
});

it('refers only to what it holds', () => {
  const text = JSON.stringify(document);
  const schemas = document.components!.schemas!;
  const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
  expect(references.filter((name) => !(name in schemas))).toEqual([]);
});

it('writes patterns as JSON Schema does, without slashes and flags', () => {
  const patterns = JSON.stringify(document).match(/"pattern":"[^"]*"/g)!;
  expect(patterns.length).toBeGreaterThan(10);
  expect(patterns.filter((pattern) => !pattern.endsWith('$"'))).toEqual([]);
});

it('shows examples that the checks accept', () => {
  const accepted = [
    [newJob, ROUTES.createJob.examples],
    [newThing, ROUTES.createThing.examples],
    [newThingGroup, ROUTES.createThingGroup.examples],
  ] as const;
  for (const [schema, examples] of accepted) {
    for (const example of Object.values<object>(examples)) {
      const body = parseKeeping(JSON.stringify(example), ROUTES.createJob.bodyText);
      expect(schema.safeParse(body).error).toBeUndefined();
    }
  }
});
