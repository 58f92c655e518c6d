/** Everything that Temporal can start. */
export { batch } from './batch';
export { cancellation } from './cancellation';
export { deletion } from './deletion';
export { execution } from './execution';
export { continuousJob, job } from './job';
export { mendBatch, mendExecutions, mendJob } from './mend';
