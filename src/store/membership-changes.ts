/** Reading the membership log on behalf of a CONTINUOUS job. Writing it: membership.ts. */
import { sql } from 'kysely';
import type { MembershipChange, TargetDifference, ThingMembership } from '../domain/targets';
import { targetDifference } from '../domain/targets';
import type { Db, Queryable } from './database';
import { findJobState, membershipSeq } from './jobs';
import { inSnapshot } from './transaction';

export interface MembershipStretch extends TargetDifference {
  /** To read on from. */
  cursor: number;
  /** There is more to read at once. */
  more: boolean;
}

interface LogEntry extends MembershipChange {
  seq: number;
}

/**
 * How the job's targets differ after at most `limit` entries of the log that it has not read yet. It changes nothing.
 * @returns undefined where there is no such job
 */
export async function readMembershipChanges(
  db: Db,
  jobId: string,
  limit: number,
): Promise<MembershipStretch | undefined> {
  return inSnapshot(db, async (tx) => {
    const job = await findJobState(tx, jobId);
    return job && readStretch(tx, jobId, job.membershipSeq, limit);
  });
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
  return { ...difference, cursor: end, more };
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
          .where('job_groups.jobId', '=', jobId)
          .where(isWatchedAt('membership_log.seq')),
      ),
    );
}

/** A group that was deleted is watched up to its last entry. */
function isWatchedAt(seq: string) {
  return sql<boolean>`(job_groups."endSeq" is null or ${sql.ref(seq)} <= job_groups."endSeq")`;
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
    .where('job_groups.endSeq', 'is', null)
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
