import type { QueryKey } from '@tanstack/react-query';
import type { EventType } from '../../domain/events';
import { keys } from './keys';

/** What the data of an event may name. */
export interface Told {
  jobId?: string;
  thingName?: string;
}

/** What an event makes old. */
export function touchedBy(type: EventType, { jobId = '', thingName = '' }: Told): QueryKey[] {
  switch (type) {
    case 'job.created':
      return [keys.jobs, keys.overview];
    case 'job.updated':
    case 'job.deleted':
      return [keys.jobs, keys.overview, keys.job(jobId)];
    case 'execution.changed':
    case 'execution.deleted':
      return [
        keys.jobs,
        keys.overview,
        keys.job(jobId),
        keys.execution(jobId, thingName),
        [...keys.thing(thingName), 'jobs'],
      ];
    case 'thing.connected':
    case 'thing.disconnected':
      return [keys.things, keys.overview, [...keys.thing(thingName), 'itself']];
  }
}
