/** What an execution has cost in Temporal's history. */
import { Client, Connection } from '@temporalio/client';
import { executionWorkflowId } from '../workflows/messages';
import { spread, type Spread } from './statistics';

export interface HistoryCost {
  events: Spread;
  workflowTasks: Spread;
}

export async function historyCost(
  address: string,
  executions: readonly { jobId: string; thingName: string }[],
): Promise<HistoryCost> {
  const connection = await Connection.connect({ address });
  try {
    const { workflow } = new Client({ connection });
    const histories = await Promise.all(
      executions.map(({ jobId, thingName }) =>
        workflow.getHandle(executionWorkflowId(jobId, thingName)).fetchHistory(),
      ),
    );
    const events = histories.map((history) => history.events ?? []);
    return {
      events: spread(events.map(({ length }) => length)),
      workflowTasks: spread(
        events.map((ofOne) => ofOne.filter((event) => event.workflowTaskCompletedEventAttributes).length),
      ),
    };
  } finally {
    await connection.close();
  }
}
