/** Mending what was ended by hand in Temporal; asked for by `muster doctor --fix`. */
import { heartbeat } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Notifier } from '../src/devices/notifier';
import { endWithoutWorkflow } from '../src/devices/without-workflow';
import { hasFinished, type ExecutionKey } from '../src/store/consistency';
import type { Db } from '../src/store/database';
import { cancelJob, completeJob, findJobState } from '../src/store/jobs';
import { isOpen } from '../src/temporal/open-workflows';
import { executionWorkflowId, jobWorkflowId } from '../workflows/messages';

const BY = 'doctor';
const REASON = 'Its workflow had been ended in Temporal.';

export function mendingActivities({ db, client, notifier }: { db: Db; client: Client; notifier: Notifier }) {
  return {
    /** Ends executions that nobody carries on. One that is carried on is left alone. @returns how many were ended */
    async endExecutions({ executions, by }: { executions: ExecutionKey[]; by: string }): Promise<number> {
      let ended = 0;
      for (const execution of executions) {
        const { jobId, thingName } = execution;
        if (!(await isOpen(client, executionWorkflowId(jobId, thingName)))) {
          const event = { kind: 'cancel', force: true } as const;
          if (await endWithoutWorkflow({ db, notifier }, execution, event, { by, reason: REASON })) ended++;
        }
        heartbeat();
      }
      return ended;
    },

    /**
     * Ends a job that nobody carries on: COMPLETED where all its executions have ended, CANCELED else. Those at work
     * may finish.
     * @returns undefined where there was nothing to end
     */
    async endJob({ jobId }: { jobId: string }): Promise<'COMPLETED' | 'CANCELED' | undefined> {
      const job = await findJobState(db, jobId);
      // A retry finds what its first try has done.
      const isOurs = job?.status === 'IN_PROGRESS' || job?.canceledBy === BY;
      if (!isOurs || (await isOpen(client, jobWorkflowId(jobId)))) return undefined;
      if (await hasFinished(db, jobId)) {
        await completeJob(db, jobId, Date.now());
        return 'COMPLETED';
      }
      const cancellation = { by: BY, dispatch: 'STARTED', comment: REASON } as const;
      await cancelJob(db, jobId, cancellation, Date.now());
      return 'CANCELED';
    },
  };
}
