/** Proxies for the activities, by the way in which workflows call them. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';
import { isAfter010 } from './releases';

/** Until they succeed; what they do is harmless to repeat. */
const retry = { initialInterval: '200ms', maximumInterval: '30s' } as const;

/**
 * On the path of every device report: run in the worker that has the workflow task, without a round trip.
 */
export const local = proxyLocalActivities<Activities>({
  startToCloseTimeout: '20s',
  localRetryThreshold: '30s',
  retry,
});

/** One page or one row at a time. */
export const remote = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry,
});

const localSteps = proxyLocalActivities<Activities>({
  startToCloseTimeout: '1m',
  localRetryThreshold: '30s',
  retry,
});

/** What a job or a page begins and ends with: nothing else goes on beside it, so a round trip would only be waited for. */
export const steps = (): Pick<Activities, 'createJob' | 'readTargets' | 'completeJob'> =>
  isAfter010() ? localSteps : remote;

/** Goes through all executions of a job, and tells by its heartbeat how far it has come. */
export const paging = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry,
});
