/** Everything that workflows ask for: one factory per concern, given what it needs. */
import { deletionActivities } from './deletion';
import { executionActivities, type ExecutionDeps } from './execution';
import { jobActivities, type JobDeps } from './job';
import { membershipActivities } from './membership';
import { mendingActivities } from './mending';

export type ActivityDeps = JobDeps & ExecutionDeps;

export function createActivities(deps: ActivityDeps) {
  return {
    ...jobActivities(deps),
    ...executionActivities(deps),
    ...membershipActivities(deps),
    ...deletionActivities(deps),
    ...mendingActivities(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
