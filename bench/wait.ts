import { setTimeout as sleep } from 'node:timers/promises';
import type { Subject } from './subject';

/** Rarely enough to cost little beside what is measured. */
const LOOKS_EVERY_MS = 250;

/**
 * Resolves when `holds` says so.
 * @param what stands in the error
 * @throws where it takes longer than `limitMs`
 */
export async function waitFor(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`After ${limitMs / 1000} s there is still not: ${what}`);
    await sleep(LOOKS_EVERY_MS);
  }
}

/** What a measurement may take for so many executions before something must be stuck. */
export const limitFor = (executions: number) => 60_000 + 200 * executions;

/** Resolves when so many executions of the job have the status. */
export async function untilAll(
  subject: Subject,
  jobId: string,
  status: string,
  executions: number,
): Promise<void> {
  await waitFor(`${executions} ${status}`, limitFor(executions), async () => {
    const { executionCounts } = await subject.call<{ executionCounts: Record<string, number> }>(
      'GET',
      `/jobs/${jobId}`,
    );
    return executionCounts[status] === executions;
  });
}
