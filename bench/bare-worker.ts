/** A worker of workflows that are not Muster's, with its settings. */
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { loadConfig } from '../src/runtime/config';
import { connectNatively, settingsOf } from '../src/runtime/worker';
import { withWorkflowThreads } from '../src/runtime/workflow-threads';

/**
 * @param address of Temporal
 * @param workflowsPath the compiled module that exports the workflows
 */
export async function createBareWorker(
  address: string,
  workflowsPath: string,
  options: Pick<WorkerOptions, 'taskQueue' | 'activities' | 'sinks'>,
): Promise<Worker> {
  const logger = new DefaultLogger('WARN');
  Runtime.install({ logger });
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  const connection = await connectNatively({ address, tls: false });
  const { made } = await withWorkflowThreads(() =>
    Worker.create({ ...settingsOf(loadConfig({})), ...options, connection, workflowBundle }),
  );
  return made;
}
