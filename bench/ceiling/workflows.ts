/** The shape of Muster's jobs with nothing in it: one child per device in pages, two signals each. */
import {
  condition,
  defineSignal,
  ParentClosePolicy,
  proxyLocalActivities,
  proxySinks,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';

export interface CeilingActivities {
  pageStarted(workflowIds: string[]): Promise<void>;
}

export type CeilingSinks = { device: { tookStep(workflowId: string): void } };

export const step = defineSignal('step');
/** Told within the process: it costs Temporal nothing. */
const { device } = proxySinks<CeilingSinks>();
const { pageStarted } = proxyLocalActivities<CeilingActivities>({ startToCloseTimeout: '10s' });

export async function ceilingJob({ run, pages, pageSize }: { run: string; pages: number; pageSize: number }) {
  // Two pages are launched at a time, as a job of Muster does it.
  let next = 0;
  const lanes = Array.from({ length: 2 }, async () => {
    while (next < pages) {
      const page = await startChild('ceilingPage', {
        workflowId: `ceiling/${run}/page/${next}`,
        args: [{ run, n: next++, pageSize }],
      });
      await page.result();
    }
  });
  await Promise.all(lanes);
}

export async function ceilingPage({ run, n, pageSize }: { run: string; n: number; pageSize: number }) {
  const children = await Promise.all(
    Array.from({ length: pageSize }, (_, i) =>
      startChild('ceilingDevice', {
        workflowId: `ceiling/${run}/device/${n * pageSize + i}`,
        parentClosePolicy: ParentClosePolicy.ABANDON,
      }),
    ),
  );
  await pageStarted(children.map(({ workflowId }) => workflowId));
  await Promise.all(children.map((child) => child.result()));
}

export async function ceilingDevice(): Promise<void> {
  let steps = 0;
  setHandler(step, () => void steps++);
  await condition(() => steps >= 1);
  device.tookStep(workflowInfo().workflowId);
  await condition(() => steps >= 2);
}
