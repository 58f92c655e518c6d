/** What a CONTINUOUS job asks about the groups that it watches. */
import type { Client } from '@temporalio/client';
import type { Db } from '../src/store/database';
import { removeTargets } from '../src/store/targets';
import { readMembershipChanges, type MembershipStretch } from '../src/store/membership-changes';
import { reached } from '../src/temporal/open-workflows';
import { executionWorkflowId, removeExecution } from '../workflows/messages';

export function membershipActivities({ db, client }: { db: Db; client: Client }) {
  return {
    async readMembershipChanges(input: {
      jobId: string;
      cursor: number;
      limit: number;
    }): Promise<MembershipStretch> {
      return readMembershipChanges(db, input.jobId, input.cursor, input.limit);
    },

    /** Who left no longer belongs to the job; what it had not finished is REMOVED. */
    async removeFromTargets({ jobId, thingNames }: { jobId: string; thingNames: string[] }): Promise<void> {
      const cause = { by: 'membership', reason: "The thing left the job's target groups." };
      await Promise.all(
        thingNames.map((thingName) =>
          reached(() =>
            client.workflow.getHandle(executionWorkflowId(jobId, thingName)).signal(removeExecution, cause),
          ),
        ),
      );
      await removeTargets(db, jobId, thingNames);
    },
  };
}
