/**
 * `npm run million [-- --things 1000000]`: whether the workflow of one job stays within Temporal's limits whatever the
 * number of its things. Runs the real job on the embedded Temporal, with batches that answer at once, and looks at the
 * history of each of its runs.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { BATCH_SIZE } from '../../src/domain/limits';
import { jobWorkflowId } from '../../workflows/messages';
import type { JobInput } from '../../workflows/job';
import { createBareWorker } from '../bare-worker';
import { spread } from '../statistics';
import { startSubject } from '../subject';

const TASK_QUEUE = 'million';
const JOB_ID = 'million';

interface Run {
  events: number;
  bytes: number;
  signals: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { things: { type: 'string', default: '1000000' } } });
  const things = Number(values.things);
  const subject = await startSubject();
  try {
    const client = new Client({ connection: await Connection.connect({ address: subject.temporalAddress }) });
    const workflows = path.join(__dirname, 'workflows.js');
    const worker = await createBareWorker(subject.temporalAddress, workflows, {
      taskQueue: TASK_QUEUE,
      activities: { completeJob: () => Promise.resolve('COMPLETED') },
    });
    const { seconds, runs } = await worker.runUntil(() => runJob(client, things));
    const batches = Math.ceil(things / BATCH_SIZE);
    const of = (what: keyof Run) => spread(runs.map((run) => run[what]));
    console.log(`${things} things, ${batches} batches: ${runs.length} runs in ${seconds.toFixed(0)} s`);
    console.log(`events in a run: median ${of('events').median}, most ${of('events').max} (limit 51,200)`);
    console.log(`signals to a run: most ${of('signals').max} (limit 10,000)`);
    console.log(`history of a run: most ${(of('bytes').max / 2 ** 20).toFixed(1)} MiB (limit 50 MiB)`);
  } finally {
    await subject.stop();
  }
}

async function runJob(client: Client, thingCount: number): Promise<{ seconds: number; runs: Run[] }> {
  const began = performance.now();
  const plan = { jobId: JOB_ID, jobType: 'SNAPSHOT' as const, createdBy: 'bench', timeouts: {} };
  const queue = { next: 0, end: thingCount };
  const input: JobInput = { plan: { ...plan, queue, launching: [], open: [], poked: false } };
  const handle = await client.workflow.start('job', {
    taskQueue: TASK_QUEUE,
    workflowId: jobWorkflowId(JOB_ID),
    args: [input],
  });
  await handle.result();
  const seconds = (performance.now() - began) / 1000;
  const runs: Run[] = [];
  for (let next: string | null | undefined = handle.firstExecutionRunId; next;) {
    const run = await readRun(client, next);
    runs.push(run);
    next = run.continuedAs;
  }
  return { seconds, runs };
}

async function readRun(client: Client, runId: string): Promise<Run & { continuedAs?: string | null }> {
  const handle = client.workflow.getHandle(jobWorkflowId(JOB_ID), runId);
  const { events } = await handle.fetchHistory();
  const { historySize } = await handle.describe();
  return {
    events: events?.length ?? 0,
    bytes: historySize ?? NaN,
    signals: events?.filter((event) => event.workflowExecutionSignaledEventAttributes).length ?? 0,
    continuedAs: events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId,
  };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
