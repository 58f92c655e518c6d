/** Workflows that may have closed by the time somebody turns to them. */
import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

/** @returns false where the workflow has closed, or was never there */
export async function reached(message: () => Promise<unknown>): Promise<boolean> {
  try {
    await message();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || closedMeanwhile(error)) return false;
    throw error;
  }
}

/** It had taken the update, and was ended from outside before it could answer. */
function closedMeanwhile(error: unknown): boolean {
  const failure = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return failure instanceof ApplicationFailure && failure.type === 'AcceptedUpdateCompletedWorkflow';
}

/** Whether a workflow of this id runs. @throws where Temporal does not tell */
export async function isOpen(client: Client, workflowId: string): Promise<boolean> {
  let open = false;
  await reached(async () => {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    // Another run follows at once.
    open = status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW';
  });
  return open;
}
