/** Reading the membership log on behalf of a CONTINUOUS job. Writing it: membership.ts. */
import type { Launch } from '../domain/job';
import type { MembershipChange, TargetDifference, ThingMembership } from '../domain/targets';
import { targetDifference } from '../domain/targets';
import type { Db, Queryable } from './database';
import { membershipSeq } from './jobs';
import { inSnapshot } from './transaction';

export interface MembershipStretch {
  launch: Launch[];
  remove: string[];
  /** To read on from. */
  cursor: number;
  /** There is more to read at once. */
  more: boolean;
}

interface LogEntry extends MembershipChange {
  seq: number;
}

/** What the job has to do for at most `limit` entries after `cursor`. Changes nothing. */
export async function readMembershipChanges(
  db: Db,
  jobId: string,
  cursor: number,
  limit: number,
): Promise<MembershipStretch> {
  return inSnapshot(db, (tx) => readStretch(tx, jobId, cursor, limit));
}

async function readStretch(
  db: Queryable,
  jobId: string,
  cursor: number,
  limit: number,
): Promise<MembershipStretch> {
  const head = await membershipSeq(db);
  const stretch = await logOf(db, jobId)
    .where('seq', '>', cursor)
    .where('seq', '<=', head)
    .limit(limit)
    .execute();
  const last = stretch.at(-1);
  if (!last) return { launch: [], remove: [], cursor: head, more: false };

  const more = stretch.length === limit;
  const end = more ? last.seq : head;
  const names = [...new Set(stretch.map(({ thingName }) => thingName))];
  const later = await logOf(db, jobId)
    .where('seq', '>', end)
    .where('membership_log.thingName', 'in', names)
    .execute();
  const difference = targetDifference(stretch, await membershipAt(db, jobId, names, later));
  return { ...(await withAttempts(db, jobId, difference)), cursor: end, more };
}

function logOf(db: Queryable, jobId: string) {
  return db
    .selectFrom('membership_log')
    .innerJoin('job_groups', 'job_groups.groupName', 'membership_log.groupName')
    .select(['membership_log.seq', 'membership_log.thingName', 'membership_log.change'])
    .where('job_groups.jobId', '=', jobId)
    .orderBy('membership_log.seq');
}

/** Membership now, walked back over what came after the stretch. */
async function membershipAt(
  db: Queryable,
  jobId: string,
  names: string[],
  later: LogEntry[],
): Promise<Map<string, ThingMembership>> {
  const counts = await db
    .selectFrom('thing_group_members')
    .innerJoin('job_groups', 'job_groups.groupName', 'thing_group_members.groupName')
    .select(['thing_group_members.thingName', (eb) => eb.fn.countAll<number>().as('groups')])
    .where('job_groups.jobId', '=', jobId)
    .where('thing_group_members.thingName', 'in', names)
    .groupBy('thing_group_members.thingName')
    .execute();
  const targets = await db
    .selectFrom('job_targets')
    .select(['thingName', 'explicit'])
    .where('jobId', '=', jobId)
    .where('thingName', 'in', names)
    .execute();
  const groupsNow = new Map(counts.map(({ thingName, groups }) => [thingName, Number(groups)]));
  const explicit = new Map(targets.map((target) => [target.thingName, target.explicit === 1]));
  const undone = (name: string) =>
    later
      .filter(({ thingName }) => thingName === name)
      .reduce((sum, { change }) => sum + (change === 'JOINED' ? -1 : 1), 0);
  return new Map(
    names.map((name) => [
      name,
      {
        groups: (groupsNow.get(name) ?? 0) + undone(name),
        targeted: explicit.has(name),
        explicit: explicit.get(name) ?? false,
      },
    ]),
  );
}

async function withAttempts(db: Queryable, jobId: string, difference: TargetDifference) {
  const former = await db
    .selectFrom('executions')
    .select(['thingName', 'executionNumber'])
    .where('jobId', '=', jobId)
    .where('thingName', 'in', difference.launch)
    .execute();
  const attempts = new Map(former.map(({ thingName, executionNumber }) => [thingName, executionNumber]));
  return {
    remove: difference.remove,
    launch: difference.launch.map((thingName) => ({
      thingName,
      executionNumber: (attempts.get(thingName) ?? 0) + 1,
    })),
  };
}
