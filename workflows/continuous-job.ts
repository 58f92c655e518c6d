/** A CONTINUOUS job: launches its first targets, then whoever joins its groups, and removes whoever leaves them. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { MINUTE, PAGE_SIZE } from '../src/domain/limits';
import { remote } from './activity-types';
import { JobControl, type JobPlan, type JobStart } from './job-control';
import { launchPage } from './launch';
import { pokeJob } from './messages';

/** How often it reads the membership log without being poked: that is what a lost poke costs. */
const LOOK_INTERVAL = 5 * MINUTE;

export type ContinuousJobInput = JobStart & {
  /** Executions launched and looks taken before the job continues as new; a test lowers it. */
  stepsPerRun?: number;
};

export async function continuousJob(input: ContinuousJobInput): Promise<void> {
  const { stepsPerRun = 500 } = input;
  const control = new JobControl(input);
  let poked = true;
  let steps = 0;
  setHandler(pokeJob, () => void (poked = true));
  const plan = await control.begin();

  const longEnough = () => steps >= stepsPerRun || workflowInfo().continueAsNewSuggested;
  await control.launchTargets(plan, longEnough);
  while (!control.ending && !longEnough()) {
    poked = false;
    const more = await followMembership(plan);
    control.describe(plan, '\n\nWatching its groups for things that join or leave.');
    steps++;
    if (!more) await condition(() => poked || control.ending, LOOK_INTERVAL);
  }
  if (control.ending) return control.windDown(plan);

  await condition(() => control.launched && allHandlersFinished());
  return continueAsNew<typeof continuousJob>({ plan: control.carryOver(plan), stepsPerRun });

  /** @returns whether there is more to read at once */
  async function followMembership(plan: JobPlan): Promise<boolean> {
    const { jobId, timeouts } = plan;
    const stretch = await remote.readMembershipChanges({ jobId, cursor: plan.cursor, limit: PAGE_SIZE });
    if (stretch.remove.length > 0) await remote.removeFromTargets({ jobId, thingNames: stretch.remove });
    if (stretch.launch.length > 0) {
      const cause = { by: 'membership', reason: 'The thing joined a target group.' };
      await launchPage({
        jobId,
        shard: stretch.cursor,
        launches: stretch.launch,
        timeouts,
        cause,
        retarget: true,
      });
      steps += stretch.launch.length;
    }
    plan.cursor = stretch.cursor;
    return stretch.more;
  }
}
