import type { PayloadCodec } from '@temporalio/common';
import { NativeConnection, Worker, type WorkerOptions as SdkWorkerOptions } from '@temporalio/worker';
import { WORKFLOW_BUNDLE } from './bundle-workflows';
import type { Config } from './config';
import { retryUntil } from './deadline';
import type { TemporalTarget } from './temporal-target';
import { withWorkflowThreads } from './workflow-threads';

export interface WorkerOptions {
  target: TemporalTarget;
  namespace: string;
  taskQueue: string;
  activities: object;
  codec: PayloadCodec;
  tuning: WorkerTuning;
}

/** How much a worker takes on. */
export type WorkerTuning = Pick<
  Config,
  | 'workerCachedWorkflows'
  | 'workerWorkflowTasks'
  | 'workerActivities'
  | 'workerLocalActivities'
  | 'workerWorkflowPollers'
  | 'workerActivityPollers'
>;

/** The Temporal worker of this process: it runs the workflows and their activities. */
export interface RunningWorker {
  isRunning(): boolean;
  /** Never resolves; rejects when the worker has ended by a fault. */
  readonly failed: Promise<never>;
  /** Takes no more tasks, finishes those it has, and ends. */
  stop(): Promise<void>;
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  // It answered a moment ago, so that a refusal now is a moment's, too.
  const connection = await retryUntil(() => connectNatively(options.target), {
    deadlineMs: 10_000,
    pauseMs: 200,
  });
  const threads = await withWorkflowThreads(() => createWorker(connection, options));
  const worker = threads.made;
  const ended = worker.run();
  const failed = Promise.race([threads.stuck, new Promise<never>((_, reject) => void ended.catch(reject))]);
  // Somebody may look at it only later.
  failed.catch(() => undefined);
  return {
    isRunning: () => worker.getState() === 'RUNNING',
    failed,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended.catch(() => undefined);
      threads.stopWatching();
      await connection.close();
    },
  };
}

/** Without TLS, Temporal is on this machine or beside it: there packing messages costs more than it saves. */
export function connectNatively(target: TemporalTarget): Promise<NativeConnection> {
  return NativeConnection.connect({ ...target, ...(!target.tls && { grpcCompression: { codec: 'none' } }) });
}

async function createWorker(
  connection: NativeConnection,
  { namespace, taskQueue, activities, codec, tuning }: WorkerOptions,
): Promise<Worker> {
  try {
    return await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: { codePath: WORKFLOW_BUNDLE },
      activities,
      dataConverter: { payloadCodecs: [codec] },
      ...settingsOf(tuning),
      shutdownGraceTime: '2s',
      shutdownForceTime: '4s',
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** What a worker takes on, as the SDK wants to hear it. */
export function settingsOf(tuning: WorkerTuning) {
  return {
    // About 0.3 MB each. An execution that waits for its device outside the cache costs one history read and a
    // short replay when the device comes, so this is a matter of memory, not of correctness.
    maxCachedWorkflows: tuning.workerCachedWorkflows,
    maxConcurrentWorkflowTaskExecutions: tuning.workerWorkflowTasks,
    maxConcurrentActivityTaskExecutions: tuning.workerActivities,
    maxConcurrentLocalActivityExecutions: tuning.workerLocalActivities,
    workflowTaskPollerBehavior: pollers(tuning.workerWorkflowPollers),
    activityTaskPollerBehavior: pollers(tuning.workerActivityPollers),
  } satisfies Partial<SdkWorkerOptions>;
}

/**
 * A task queue is cut into partitions, four by itself, and a task in one where nobody is polling waits for seconds: with
 * the SDK's minimum of one poller that happened in every third burst (docs/scaling.md).
 */
const POLLERS_AT_LEAST = 8;

/** Better than a fixed number when launches and reports come in bursts, and quiet when nothing does. */
function pollers(maximum: number) {
  const least = Math.min(POLLERS_AT_LEAST, maximum);
  return { type: 'autoscaling', minimum: least, initial: least, maximum } as const;
}
