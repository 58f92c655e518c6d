import type { Client } from '@temporalio/client';
import { executionWorkflowId } from '../../workflows/messages';
import type { mendExecutions } from '../../workflows/mend';

/**
 * Has a worker end an execution whose workflow was ended in Temporal by hand: nobody else would carry it on, and what its
 * thing is to do next would wait behind it. One that is carried on is left alone.
 * @throws where no worker has done so within a minute
 */
export async function mendExecution(
  { client, taskQueue }: { client: Client; taskQueue: string },
  { jobId, thingName }: { jobId: string; thingName: string },
): Promise<void> {
  await client.workflow.execute<typeof mendExecutions>('mendExecutions', {
    workflowId: `${executionWorkflowId(jobId, thingName)}/mend`,
    taskQueue,
    args: [{ executions: [{ jobId, thingName }], by: 'muster' }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowExecutionTimeout: '1m',
  });
}
