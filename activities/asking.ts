/** Asking executions to leave a status: a bounded number at a time, and the next when these have left. */
import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Notifier } from '../src/devices/notifier';
import { endWithoutWorkflow } from '../src/devices/without-workflow';
import type { ExecutionEvent } from '../src/domain/execution';
import type { Cause } from '../src/domain/job';
import { SECOND } from '../src/domain/limits';
import type { PendingStatus } from '../src/domain/statuses';
import type { Db } from '../src/store/database';
import { countIn, executionPage } from '../src/store/executions';
import { reached } from '../src/temporal/open-workflows';
import { cancelExecution, executionWorkflowId, removeExecution } from '../workflows/messages';

/** Enough to keep Temporal busy, few enough to leave room for the devices' reports. */
export const ASKED_AT_ONCE = 32;
/** What has not done as it was asked by then is not waited for. */
const DONE_WITHIN = 10 * SECOND;
const LOOK_EVERY = 50;

export interface AskDeps {
  db: Db;
  client: Client;
  notifier: Notifier;
}

export type Ending = Extract<ExecutionEvent, { kind: 'cancel' | 'remove' }>;

/**
 * Asks every execution of a job that has the status to end, in the order of things. The cursor is the heartbeat, so that
 * a retry of the activity does not begin anew.
 */
export async function askAll(
  deps: AskDeps,
  { jobId, status }: { jobId: string; status: PendingStatus },
  ending: Ending,
  cause: Cause,
): Promise<void> {
  const resumed = activityInfo().heartbeatDetails as { status: PendingStatus; after: string } | undefined;
  let after = resumed?.status === status ? resumed.after : '';
  for (;;) {
    const page = await executionPage(deps.db, jobId, status, after, ASKED_AT_ONCE);
    const last = page.at(-1);
    if (last === undefined) return;
    await ask(deps, { jobId, status }, page, ending, cause);
    after = last;
    heartbeat({ status, after });
  }
}

/**
 * Asks executions of a job that have the status to end, and waits while they do: signals are taken much faster than
 * workflows deal with them, and what a device reports meanwhile would wait behind all of them.
 */
export async function ask(
  deps: AskDeps,
  { jobId, status }: { jobId: string; status: PendingStatus },
  thingNames: readonly string[],
  ending: Ending,
  cause: Cause,
): Promise<void> {
  await Promise.all(thingNames.map((thingName) => askOne(deps, { jobId, thingName }, ending, cause)));
  const deadline = Date.now() + DONE_WITHIN;
  while (Date.now() < deadline && (await countIn(deps.db, jobId, status, thingNames)) > 0)
    await sleep(LOOK_EVERY);
}

/** One whose workflow was ended by hand can't hear it, and is ended here. */
async function askOne(
  { db, client, notifier }: AskDeps,
  execution: { jobId: string; thingName: string },
  ending: Ending,
  cause: Cause,
): Promise<void> {
  const handle = client.workflow.getHandle(executionWorkflowId(execution.jobId, execution.thingName));
  const heard = await reached(() =>
    ending.kind === 'cancel'
      ? handle.signal(cancelExecution, { ...cause, force: ending.force })
      : handle.signal(removeExecution, { ...cause, unlessStarted: ending.unlessStarted }),
  );
  if (!heard) await endWithoutWorkflow({ db, notifier }, execution, ending, cause);
}
