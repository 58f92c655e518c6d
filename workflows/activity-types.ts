/** Proxies for the activities, by the way in which workflows call them. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';

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

/** One portion or one row at a time. What a killed worker had in hand comes back only after this time. */
export const remote = proxyActivities<Activities>({
  startToCloseTimeout: '20s',
  retry,
});

/**
 * What a job or a batch begins and ends with: nothing else goes on beside it, so a round trip would only be waited for.
 * Never two of them at a time in one workflow: a replay resolves them in the order in which they were begun.
 * For a group of 100,000 things, a job is made in a second or two.
 */
export const steps: Pick<Activities, 'createJob' | 'readTargets' | 'completeJob'> =
  proxyLocalActivities<Activities>({
    startToCloseTimeout: '1m',
    localRetryThreshold: '30s',
    retry,
  });

/** Goes through many executions of a job, and tells by its heartbeat how far it has come. */
export const paging = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry,
});
