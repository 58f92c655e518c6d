/** What the pages read. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { ExecutionStatus, JobStatus, JobType, TargetState } from '../../domain/statuses';
import { bodyOf, client, jobOf, Refused, setCsrfToken, type Schemas } from './client';
import { keys } from './keys';

/** Rows on a page of a table. */
export const PAGE_SIZE = 50;
/** Names offered while somebody types. */
const SUGGESTIONS = 20;

export interface Page {
  cursor?: string;
}

export interface JobFilter extends Page {
  status?: JobStatus;
  jobType?: JobType;
  name?: string;
}

export interface ExecutionFilter extends Page {
  status?: ExecutionStatus;
  search?: string;
}

export interface ThingFilter extends Page {
  search?: string;
  tag?: string[];
  thingTypeName?: string;
  connected?: boolean;
}

/** Signed out is an answer, too: null. */
export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: async (): Promise<Schemas['Session'] | null> => {
    const session = await bodyOf(client.GET('/api/v1/session')).catch((error: unknown) => {
      if (error instanceof Refused && error.status === 401) return null;
      throw error;
    });
    setCsrfToken(session?.csrfToken ?? null);
    return session;
  },
  staleTime: Infinity,
});

export const aboutQuery = queryOptions({
  queryKey: keys.about,
  queryFn: () => bodyOf(client.GET('/api/v1/about')),
  staleTime: Infinity,
});

export const overviewQuery = queryOptions({
  queryKey: keys.overview,
  queryFn: ({ signal }) => bodyOf(client.GET('/api/v1/overview', { signal })),
});

export const jobsQuery = (filter: JobFilter) =>
  queryOptions({
    queryKey: [...keys.jobs, filter],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/jobs', { signal, params: { query: { limit: PAGE_SIZE, ...filter } } })),
    placeholderData: keepPreviousData,
  });

export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: [...keys.job(jobId), 'itself'],
    queryFn: ({ signal }) =>
      jobOf(client.GET('/api/v1/jobs/{jobId}', { signal, parseAs: 'text', params: { path: { jobId } } })),
  });

export const progressQuery = (jobId: string) =>
  queryOptions({
    queryKey: [...keys.job(jobId), 'progress'],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/jobs/{jobId}/progress', { signal, params: { path: { jobId } } })),
  });

export const executionsQuery = (jobId: string, filter: ExecutionFilter) =>
  queryOptions({
    queryKey: [...keys.job(jobId), 'executions', filter],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/jobs/{jobId}/executions', {
          signal,
          params: { path: { jobId }, query: { limit: PAGE_SIZE, ...filter } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const targetsQuery = (jobId: string, filter: Page & { state?: TargetState }) =>
  queryOptions({
    queryKey: [...keys.job(jobId), 'targets', filter],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/jobs/{jobId}/targets', {
          signal,
          params: { path: { jobId }, query: { limit: PAGE_SIZE, ...filter } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const executionQuery = (jobId: string, thingName: string) =>
  queryOptions({
    queryKey: keys.execution(jobId, thingName),
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/jobs/{jobId}/executions/{thingName}', {
          signal,
          params: { path: { jobId, thingName } },
        }),
      ),
  });

export const reachQuery = (targets: Schemas['JobPreview']['targets']) =>
  queryOptions({
    queryKey: ['reach', targets],
    queryFn: ({ signal }) => bodyOf(client.POST('/api/v1/jobs/preview', { signal, body: { targets } })),
    placeholderData: keepPreviousData,
  });

export const thingsQuery = (filter: ThingFilter) =>
  queryOptions({
    queryKey: [...keys.things, filter],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/things', { signal, params: { query: { limit: PAGE_SIZE, ...filter } } })),
    placeholderData: keepPreviousData,
  });

export const thingQuery = (name: string) =>
  queryOptions({
    queryKey: [...keys.thing(name), 'itself'],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/things/{name}', { signal, params: { path: { name } } })),
  });

export const jobsOfThingQuery = (thingName: string, filter: Page & { status?: ExecutionStatus }) =>
  queryOptions({
    queryKey: [...keys.thing(thingName), 'jobs', filter],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/things/{thingName}/jobs', {
          signal,
          params: { path: { thingName }, query: { limit: PAGE_SIZE, ...filter } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const groupsQuery = (filter: Page & { search?: string }) =>
  queryOptions({
    queryKey: [...keys.groups, filter],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/thing-groups', { signal, params: { query: { limit: PAGE_SIZE, ...filter } } }),
      ),
    placeholderData: keepPreviousData,
  });

export const groupQuery = (name: string) =>
  queryOptions({
    queryKey: [...keys.group(name), 'itself'],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/thing-groups/{name}', { signal, params: { path: { name } } })),
  });

export const thingsOfGroupQuery = (name: string, page: Page) =>
  queryOptions({
    queryKey: [...keys.group(name), 'things', page],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/v1/thing-groups/{name}/things', {
          signal,
          params: { path: { name }, query: { limit: PAGE_SIZE, ...page } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const apiKeysQuery = (page: Page) =>
  queryOptions({
    queryKey: [...keys.apiKeys, page],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/v1/api-keys', { signal, params: { query: { limit: PAGE_SIZE, ...page } } })),
    placeholderData: keepPreviousData,
  });

/** The first names of a kind that hold what was typed, for fields that offer them. */
const namesQuery =
  (kind: string, read: (query: { search: string; limit: number }, signal: AbortSignal) => Promise<Named>) =>
  (search: string) =>
    queryOptions({
      queryKey: ['names', kind, search],
      queryFn: async ({ signal }) =>
        (await read({ search, limit: SUGGESTIONS }, signal)).items.map((item) => item.name),
      placeholderData: keepPreviousData,
    });

interface Named {
  items: { name: string }[];
}

export const thingNamesQuery = namesQuery('things', (query, signal) =>
  bodyOf(client.GET('/api/v1/things', { signal, params: { query } })),
);
export const groupNamesQuery = namesQuery('groups', (query, signal) =>
  bodyOf(client.GET('/api/v1/thing-groups', { signal, params: { query } })),
);
export const typeNamesQuery = namesQuery('types', (query, signal) =>
  bodyOf(client.GET('/api/v1/thing-types', { signal, params: { query } })),
);
