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

/**
 * What the job has to do for at most `limit` entries after `cursor`. Notes that what comes before it has been read;
 * else it changes nothing.
 */
export async function readMembershipChanges(
  db: Db,
  jobId: string,
  cursor: number,
  limit: number,
): Promise<MembershipStretch> {
  await noteCursor(db, jobId, cursor);
  return inSnapshot(db, (tx) => readStretch(tx, jobId, cursor, limit));
}

async function noteCursor(db: Queryable, jobId: string, cursor: number): Promise<void> {
  await db
    .updateTable('jobs')
    .set({ membershipSeq: cursor })
    .where('jobId', '=', jobId)
    .where('membershipSeq', '<', cursor)
    .execute();
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
    .orderBy('seq')
    .limit(limit)
    .execute();
  const last = stretch.at(-1);
  if (!last) return { launch: [], remove: [], cursor: head, more: false };

  const more = stretch.length === limit;
  const end = more ? last.seq : head;
  const names = [...new Set(stretch.map(({ thingName }) => thingName))];
  const later = await logOf(db, jobId).where('thingName', 'in', names).where('seq', '>', end).execute();
  const difference = targetDifference(stretch, await membershipAt(db, jobId, names, later));
  return { ...(await withAttempts(db, jobId, difference)), cursor: end, more };
}

/** Entries of the groups that a job watches, found by number or by thing: one group may have many thousands. */
function logOf(db: Queryable, jobId: string) {
  return db
    .selectFrom('membership_log')
    .select(['seq', 'thingName', 'change'])
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('job_groups')
          .select('job_groups.jobId')
          .whereRef('job_groups.groupName', '=', 'membership_log.groupName')
          .where('job_groups.jobId', '=', jobId),
      ),
    );
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
  const former = await formerAttempts(db, jobId, difference.launch);
  return {
    remove: difference.remove,
    launch: difference.launch.map((thingName) => ({
      thingName,
      executionNumber: (former.get(thingName) ?? 0) + 1,
    })),
  };
}

async function formerAttempts(db: Queryable, jobId: string, names: string[]): Promise<Map<string, number>> {
  // For a list of no names SQLite plans to read all executions.
  if (names.length === 0) return new Map();
  const former = await db
    .selectFrom('executions')
    .select(['thingName', 'executionNumber'])
    .where('jobId', '=', jobId)
    .where('thingName', 'in', names)
    .execute();
  return new Map(former.map(({ thingName, executionNumber }) => [thingName, executionNumber]));
}
