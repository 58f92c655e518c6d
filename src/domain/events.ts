/** What happens to jobs, executions and things, as those are told who listen. */
export const EVENT_TYPES = [
  'job.created',
  'job.updated',
  'job.deleted',
  'execution.changed',
  'execution.deleted',
  'thing.connected',
  'thing.disconnected',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
