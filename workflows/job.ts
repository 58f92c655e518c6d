/** A SNAPSHOT job: launches its targets once and completes when all their executions are terminal. */
import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import { steps } from './activity-types';
import { JobControl, type JobStart } from './job-control';

export type JobInput = JobStart & {
  /** Batches started before the job continues as new; a test lowers it. */
  pagesPerRun?: number;
};

export async function job(input: JobInput): Promise<void> {
  const { pagesPerRun = 400 } = input;
  const control = new JobControl(input);
  const plan = await control.begin();

  const lastPage = plan.nextPage + pagesPerRun;
  const longEnough = () => plan.nextPage >= lastPage || workflowInfo().continueAsNewSuggested;
  await control.launchTargets(plan, longEnough);
  await condition(() => control.ending || control.allFinished(plan) || longEnough());
  if (control.ending) return control.windDown(plan);
  if (!control.allFinished(plan)) {
    await condition(allHandlersFinished);
    return continueAsNew<typeof job>({ plan: control.carryOver(plan), pagesPerRun });
  }
  await steps().completeJob({ jobId: plan.jobId });
  await control.close(control.ending ? 'CANCELED' : 'COMPLETED');
}
