/** Proxies for the activities, by the way in which workflows call them. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';

/**
 * On the path of every device report: run in the worker that has the workflow task, without a round trip.
 * Retried until they succeed; what they do is harmless to repeat.
 */
export const local = proxyLocalActivities<Activities>({
  startToCloseTimeout: '20s',
  localRetryThreshold: '30s',
  retry: { initialInterval: '200ms', maximumInterval: '30s' },
});

/** One page or one row at a time. */
export const remote = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '200ms', maximumInterval: '30s' },
});

/** Goes through all executions of a job, and tells by its heartbeat how far it has come. */
export const paging = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '200ms', maximumInterval: '30s' },
});
