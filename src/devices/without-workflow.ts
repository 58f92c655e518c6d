/** Executions whose workflow was ended from outside: nobody else can write them any more. */
import { decide, type ExecutionEvent } from '../domain/execution';
import type { Cause } from '../domain/job';
import type { Db } from '../store/database';
import { findExecution, stateOf } from '../store/executions';
import { recordTransition } from '../store/transitions';
import type { Notifier } from './notifier';

/** Ends the execution in the proper way: with a transition, its events, and word to the device. @returns whether it was open */
export async function endWithoutWorkflow(
  { db, notifier }: { db: Db; notifier: Notifier },
  { jobId, thingName }: { jobId: string; thingName: string },
  event: ExecutionEvent,
  cause: Cause,
): Promise<boolean> {
  const row = await findExecution(db, jobId, thingName);
  const decision = row && decide(stateOf(row), event, Date.now(), {});
  if (!decision?.accepted) return false;
  const record = { jobId, thingName, from: row!.status, state: decision.next, cause };
  const recorded = await recordTransition(db, record);
  if (recorded.outcome !== 'recorded') return false;
  await notifier.notify(thingName, recorded.notifications);
  return true;
}
