/** What a CONTINUOUS job asks about the groups that it watches. */
import { heartbeat } from '@temporalio/activity';
import { BATCH_SIZE } from '../src/domain/limits';
import { readMembershipChanges } from '../src/store/membership-changes';
import { appendTargets, putBackTargets, removeLaunched, takeOutWaiting } from '../src/store/targets';
import { ask, ASKED_AT_ONCE, type AskDeps } from './asking';

const LEAVING = { by: 'membership', reason: "The thing left the job's target groups." };

export function membershipActivities(deps: AskDeps) {
  const { db } = deps;
  return {
    /**
     * Carries out one stretch of the membership log in the job's queue: things that have left are taken out, things that
     * have joined are appended. Broken off anywhere, it is done again from where the log was read to.
     */
    async followMembership({ jobId }: { jobId: string }): Promise<{ queueEnd: number; more: boolean }> {
      const changes = await readMembershipChanges(db, jobId, BATCH_SIZE);
      if (!changes) return { queueEnd: 0, more: false };
      await leave(jobId, await takeOutWaiting(db, jobId, changes.remove));
      const queueEnd = await appendTargets(db, jobId, changes.launch, changes.cursor);
      return { queueEnd, more: changes.more };
    },

    /** @returns the end of the queue */
    async putBackTargets({ jobId, thingNames }: { jobId: string; thingNames: string[] }): Promise<number> {
      return putBackTargets(db, jobId, thingNames);
    },
  };

  /** They are targets until their executions have been asked, so that none is forgotten if this is broken off. */
  async function leave(jobId: string, launched: string[]): Promise<void> {
    for (let from = 0; from < launched.length; from += ASKED_AT_ONCE) {
      const some = launched.slice(from, from + ASKED_AT_ONCE);
      await ask(deps, { jobId, status: 'QUEUED' }, some, { kind: 'remove', unlessStarted: true }, LEAVING);
      await removeLaunched(db, jobId, some);
      heartbeat();
    }
  }
}
