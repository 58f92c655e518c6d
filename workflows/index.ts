/** Everything that Temporal can start. */
export { batch } from './batch';
export { continuousJob } from './continuous-job';
export { deletion } from './deletion';
export { execution } from './execution';
export { job } from './job';
export { mendBatch, mendExecutions, mendJob } from './mend';
