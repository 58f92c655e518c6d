/** Rows of the store as the REST API tells them: times are ISO 8601. */
import { formatPosition } from '../domain/events';
import type { ApiKey } from '../store/api-keys';
import type { Execution, JobDetail, JobSummary, Transition } from '../store/job-queries';
import type { Overview } from '../store/overview';
import type { Page } from '../store/paging';
import type { ProgressPoint } from '../store/progress';
import type { Thing } from '../store/things';

type IsoTimes<T, K extends keyof T> = Omit<T, K> & {
  [P in K]: null extends T[P] ? string | null : string;
};

export function toJob(job: JobDetail) {
  return isoTimes(job, 'createdAt', 'lastUpdatedAt', 'completedAt');
}

export function toJobSummary(job: JobSummary) {
  return isoTimes(job, 'createdAt', 'lastUpdatedAt', 'completedAt');
}

export function toExecution<T extends Execution>(execution: T) {
  return isoTimes(execution, 'queuedAt', 'startedAt', 'lastUpdatedAt', 'finishedAt');
}

export function toExecutionDetail(execution: Execution & { transitions: Transition[] }) {
  const transitions = execution.transitions.map((transition) => isoTimes(transition, 'at'));
  return { ...isoTimes(execution, 'queuedAt', 'startedAt', 'lastUpdatedAt', 'finishedAt'), transitions };
}

export function toThing<T extends Thing>(thing: T) {
  const { connection } = thing;
  return {
    ...isoTimes(thing, 'createdAt', 'lastUpdatedAt'),
    connection: connection && isoTimes(connection, 'at'),
  };
}

export function toProgressPoint(point: ProgressPoint) {
  return isoTimes(point, 'at');
}

export function toOverview({ running, attention, activity, things, ...counts }: Overview) {
  return {
    ...counts,
    running: running.map(toJobSummary),
    attention: {
      jobs: attention.jobs.map(toJobSummary),
      executions: attention.executions.map(toExecution),
    },
    activity: activity.map(({ type, at, jobId, jobName, thingName, data, ...position }) => ({
      id: formatPosition(position),
      type,
      at: new Date(at).toISOString(),
      jobId,
      jobName,
      thingName,
      data,
    })),
    things,
  };
}

/** Thing types, groups and API keys. */
export function toCreated<T extends { createdAt: number } | ApiKey>(item: T) {
  return isoTimes(item, 'createdAt');
}

export function toPageOf<T, U>({ items, nextCursor }: Page<T>, toItem: (item: T) => U) {
  return { items: items.map(toItem), nextCursor };
}

function isoTimes<T extends object, K extends keyof T>(item: T, ...keys: K[]): IsoTimes<T, K> {
  const times = keys.map((key) => {
    const at = item[key] as number | null;
    return [key, at === null ? null : new Date(at).toISOString()] as const;
  });
  return { ...item, ...Object.fromEntries(times) } as IsoTimes<T, K>;
}
