/**
 * What the store says is open against what runs in Temporal. Everything is read page by page, and looked at again
 * before it counts as found, so that what just begins or ends is left alone.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isTerminal, type JobStatus } from '../domain/statuses';
import { findJobs, jobPage, pendingPage, type ExecutionKey } from '../store/consistency';
import type { Db } from '../store/database';
import { findExecution } from '../store/executions';
import { isOpen, reached } from '../temporal/open-workflows';
import { deletionWorkflowId, executionWorkflowId, jobWorkflowId } from '../../workflows/messages';
import type { mendBatch, mendExecutions, mendJob } from '../../workflows/mend';

const PAGE = 200;
/** Questions to Temporal under way at once: it serves devices meanwhile. */
const AT_ONCE = 20;
/** A workflow that has recorded its end closes within moments, where a worker runs. */
const SETTLE_MS = 10_000;
/** A worker that is there takes it at once; another doctor may have asked for the same. */
const UNDER_WAY = { workflowIdConflictPolicy: 'USE_EXISTING' } as const;
const BY = 'doctor';

export interface ComparisonDeps {
  db: Db;
  client: Client;
  taskQueue: string;
}

export interface Page {
  lookedAt: number;
  /** Workflow ids of those that differ. */
  found: string[];
}

/** One way in which the two can differ. */
export interface Comparison {
  /** Stable, for programs. */
  kind: string;
  /** For a person: what was looked at, what is wrong with those found, and what `--fix` does. */
  looksAt: string;
  problem: string;
  remedy: string;
  find(): AsyncGenerator<Page>;
  /** @returns how many were mended; another time may find the others */
  mend(workflowIds: string[]): Promise<number>;
}

/** In the order in which they are mended: executions first, because a job is COMPLETED once all of them have ended. */
export function comparisons(deps: ComparisonDeps): Comparison[] {
  return [
    executionsWithoutWorkflow(deps),
    jobsWithoutWorkflow(deps),
    deletionsWithoutWorkflow(deps),
    endedBatches(deps),
    workflowsWithoutExecution(deps),
    workflowsWithoutJob(deps),
  ];
}

function executionsWithoutWorkflow({ db, client, taskQueue }: ComparisonDeps): Comparison {
  return {
    kind: 'executionWithoutWorkflow',
    looksAt: 'executions that are open',
    problem:
      'have no workflow any more: they stay open for ever, and what their thing is to do next may wait behind them',
    remedy: 'become CANCELED by doctor, and their things are told what is next',
    async *find() {
      let page: ExecutionKey[] = [];
      do {
        page = await pendingPage(db, page.at(-1), PAGE);
        const closed = await filtered(page, async ({ jobId, thingName }) => {
          if (await isOpen(client, executionWorkflowId(jobId, thingName))) return false;
          // It may have ended between the two looks.
          const row = await findExecution(db, jobId, thingName);
          return row !== undefined && !isTerminal(row.status);
        });
        const found = closed.map(({ jobId, thingName }) => executionWorkflowId(jobId, thingName));
        yield { lookedAt: page.length, found };
      } while (page.length === PAGE);
    },
    async mend(workflowIds) {
      const executions = workflowIds.map(namesIn).filter((names): names is ExecutionKey => !!names.thingName);
      return client.workflow.execute<typeof mendExecutions>('mendExecutions', {
        workflowId: `doctor/${randomUUID()}`,
        taskQueue,
        args: [{ executions, by: BY }],
      });
    },
  };
}

function jobsWithoutWorkflow(deps: ComparisonDeps): Comparison {
  const { client, taskQueue } = deps;
  return {
    kind: 'jobWithoutWorkflow',
    looksAt: 'jobs that are IN_PROGRESS',
    problem: 'have no workflow any more: nobody launches or completes them',
    remedy:
      'become COMPLETED where all their executions have ended; else CANCELED, and executions at work may finish',
    find: () => jobsWithout(deps, 'IN_PROGRESS', jobWorkflowId),
    async mend(workflowIds) {
      const mended = await filtered(workflowIds, async (workflowId) => {
        const { jobId } = namesIn(workflowId);
        return client.workflow.execute<typeof mendJob>('mendJob', {
          workflowId: `${workflowId}/mend`,
          taskQueue,
          args: [{ jobId }],
          ...UNDER_WAY,
        });
      });
      return mended.length;
    },
  };
}

function deletionsWithoutWorkflow(deps: ComparisonDeps): Comparison {
  const { client, taskQueue } = deps;
  return {
    kind: 'deletionWithoutWorkflow',
    looksAt: 'jobs that are being deleted',
    problem: 'are deleted by nobody any more',
    remedy: 'are deleted',
    find: () => jobsWithout(deps, 'DELETION_IN_PROGRESS', deletionWorkflowId),
    async mend(workflowIds) {
      for (const workflowId of workflowIds) {
        const { jobId } = namesIn(workflowId);
        await client.workflow.start('deletion', {
          workflowId,
          taskQueue,
          args: [{ jobId, by: BY }],
          searchAttributes: { JobId: [jobId] },
          staticSummary: `Deletion of job ${jobId}`,
          ...UNDER_WAY,
        });
      }
      return workflowIds.length;
    },
  };
}

function endedBatches({ db, client, taskQueue }: ComparisonDeps): Comparison {
  return {
    kind: 'endedBatch',
    looksAt: 'batches that did not end by themselves',
    problem: 'were ended while their job waits for them',
    remedy:
      'are taken as finished; things that they had not reached get no execution, so make another job for those',
    async *find() {
      const query = `WorkflowType = "batch" AND ExecutionStatus IN ("Terminated", "Canceled", "Failed", "TimedOut") AND TaskQueue = "${taskQueue}"`;
      for await (const page of pagesOf(client, query)) {
        const jobs = await findJobs(
          db,
          page.map(({ workflowId }) => namesIn(workflowId).jobId),
        );
        const ofOpenJobs = page.filter(
          ({ workflowId }) => jobs.get(namesIn(workflowId).jobId)?.status === 'IN_PROGRESS',
        );
        const waitedFor = await filtered(ofOpenJobs, async ({ workflowId }) => {
          const { status } = await client.workflow.getHandle(workflowId).describe();
          const isLost = status.name !== 'RUNNING' && status.name !== 'COMPLETED';
          return isLost && (await isOpen(client, jobWorkflowId(namesIn(workflowId).jobId)));
        });
        yield { lookedAt: page.length, found: waitedFor.map(({ workflowId }) => workflowId) };
      }
    },
    async mend(workflowIds) {
      const mended = await filtered(workflowIds, async (workflowId) => {
        const { jobId } = namesIn(workflowId);
        // Under the id of the batch, so that its latest run is one that has completed.
        const input = { jobId, first: Number(workflowId.split('/').at(-1)) };
        await client.workflow.execute<typeof mendBatch>('mendBatch', {
          workflowId,
          taskQueue,
          ...UNDER_WAY,
          args: [input],
        });
        return true;
      });
      return mended.length;
    },
  };
}

function workflowsWithoutExecution({ db, client, taskQueue }: ComparisonDeps): Comparison {
  /** It has ended in the store while this workflow ran, or can never become visible any more. */
  async function isNeedless({ workflowId, startTime }: OpenWorkflow): Promise<boolean> {
    const { jobId, thingName = '' } = namesIn(workflowId);
    const row = await findExecution(db, jobId, thingName);
    if (row && !isTerminal(row.status)) return false;
    if (row?.finishedAt && row.finishedAt >= startTime.getTime()) return true;
    return (await findJobs(db, [jobId])).get(jobId)?.status !== 'IN_PROGRESS';
  }
  return {
    kind: 'workflowWithoutExecution',
    looksAt: 'workflows of executions',
    problem: 'run on though their execution has ended or is gone',
    remedy: 'are terminated',
    find: () => needlessWorkflows(client, `WorkflowType = "execution" AND ${open(taskQueue)}`, isNeedless),
    mend: (workflowIds) => terminate(client, workflowIds, 'its execution has ended or is gone'),
  };
}

function workflowsWithoutJob({ db, client, taskQueue }: ComparisonDeps): Comparison {
  async function isNeedless({ workflowId }: OpenWorkflow): Promise<boolean> {
    const { jobId } = namesIn(workflowId);
    const job = (await findJobs(db, [jobId])).get(jobId);
    return job === undefined || job.status === 'COMPLETED';
  }
  const types = '"job", "continuousJob", "batch"';
  return {
    kind: 'workflowWithoutJob',
    looksAt: 'workflows of jobs',
    problem: 'run on though their job is COMPLETED or gone',
    remedy: 'are terminated',
    find: () => needlessWorkflows(client, `WorkflowType IN (${types}) AND ${open(taskQueue)}`, isNeedless),
    mend: (workflowIds) => terminate(client, workflowIds, 'its job is COMPLETED or gone'),
  };
}

interface OpenWorkflow {
  workflowId: string;
  startTime: Date;
}

const open = (taskQueue: string) => `ExecutionStatus = "Running" AND TaskQueue = "${taskQueue}"`;

async function* jobsWithout(
  { db, client }: ComparisonDeps,
  status: JobStatus,
  workflowIdOf: (jobId: string) => string,
): AsyncGenerator<Page> {
  let page: string[] = [];
  do {
    page = await jobPage(db, status, page.at(-1) ?? '', PAGE);
    const abandoned = await filtered(page, async (jobId) => {
      if (await isOpen(client, workflowIdOf(jobId))) return false;
      return (await findJobs(db, [jobId])).get(jobId)?.status === status;
    });
    yield { lookedAt: page.length, found: abandoned.map(workflowIdOf) };
  } while (page.length === PAGE);
}

/** Those that are needless, and still are after what just ends has had time to close. */
async function* needlessWorkflows(
  client: Client,
  query: string,
  isNeedless: (workflow: OpenWorkflow) => Promise<boolean>,
): AsyncGenerator<Page> {
  for await (const page of pagesOf(client, query)) {
    const suspects = await filtered(page, isNeedless);
    if (suspects.length > 0) await sleep(SETTLE_MS);
    const needless = await filtered(
      suspects,
      async (workflow) => (await isOpen(client, workflow.workflowId)) && (await isNeedless(workflow)),
    );
    yield { lookedAt: page.length, found: needless.map(({ workflowId }) => workflowId) };
  }
}

async function* pagesOf(client: Client, query: string): AsyncGenerator<OpenWorkflow[]> {
  let page: OpenWorkflow[] = [];
  for await (const { workflowId, startTime } of client.workflow.list({ query, pageSize: PAGE })) {
    page.push({ workflowId, startTime });
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  yield page;
}

async function terminate(client: Client, workflowIds: string[], why: string): Promise<number> {
  const terminated = await filtered(workflowIds, (workflowId) =>
    reached(() => client.workflow.getHandle(workflowId).terminate(`muster doctor: ${why}`)),
  );
  return terminated.length;
}

function namesIn(workflowId: string): { jobId: string; thingName?: string } {
  const [, jobId = '', thingName] = /^job\/([^/]+)(?:\/thing\/(.+))?/.exec(workflowId) ?? [];
  return { jobId, thingName };
}

/** Those for which it holds, asked for a bounded number at a time. */
async function filtered<T>(items: T[], holds: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept: T[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) {
    const some = items.slice(i, i + AT_ONCE);
    const answers = await Promise.all(some.map(holds));
    kept.push(...some.filter((_, n) => answers[n]));
  }
  return kept;
}
