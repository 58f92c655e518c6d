/** The worker of the ceiling and who signals its devices, in a process of its own. */
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { InjectedSinks } from '@temporalio/worker';
import { createBareWorker } from '../bare-worker';
import { step, type CeilingActivities, type CeilingSinks } from './workflows';

const TASK_QUEUE = 'ceiling';
const SIGNALS_SIDE_BY_SIDE = 100;

async function main(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const waiting: string[] = [];
  let signalling = 0;

  function signalNext(): void {
    while (signalling < SIGNALS_SIDE_BY_SIDE) {
      const next = waiting.shift();
      if (next === undefined) return;
      signalling++;
      void signal(next).finally(() => {
        signalling--;
        signalNext();
      });
    }
  }

  async function signal(workflowId: string): Promise<void> {
    await client.workflow.getHandle(workflowId).signal(step);
  }

  const activities: CeilingActivities = {
    pageStarted(workflowIds) {
      waiting.push(...workflowIds);
      signalNext();
      return Promise.resolve();
    },
  };
  /** A device reports what it was told to start: the second signal follows upon the first, each in its own task. */
  const sinks: InjectedSinks<CeilingSinks> = {
    device: {
      tookStep: {
        fn(_, workflowId) {
          waiting.push(workflowId);
          signalNext();
        },
      },
    },
  };
  const workflows = path.join(__dirname, 'workflows.js');
  const worker = await createBareWorker(address, workflows, { taskQueue: TASK_QUEUE, activities, sinks });
  const running = worker.run();
  process.on('message', ({ run, devices, pageSize }: { run: string; devices: number; pageSize: number }) => {
    const began = performance.now();
    void client.workflow
      .execute('ceilingJob', {
        taskQueue: TASK_QUEUE,
        workflowId: `ceiling/${run}`,
        args: [{ run, pages: Math.ceil(devices / pageSize), pageSize }],
      })
      .then(() => process.send?.({ seconds: (performance.now() - began) / 1000 }));
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
  await running;
}

void main(process.argv[2] ?? '');
