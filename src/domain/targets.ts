/** Who a CONTINUOUS job has to launch and who to remove after a stretch of its groups' membership log. */

export interface MembershipChange {
  thingName: string;
  change: 'JOINED' | 'LEFT';
}

export interface TargetDifference {
  /** Left every target group before the end of the stretch. */
  remove: string[];
  /** Belongs to the job at the end of the stretch, and did not all through it: gets a (new) attempt. */
  launch: string[];
}

export interface ThingMembership {
  /** In how many of the job's target groups the thing is at the end of the stretch. */
  groups: number;
  /** The job counts the thing among its targets at the start of the stretch. */
  targeted: boolean;
  /** Named by the job itself: no group can take it away. */
  explicit: boolean;
}

/**
 * @param changes the log of the job's target groups, oldest first
 * @param membership of every thing named in `changes`
 */
export function targetDifference(
  changes: readonly MembershipChange[],
  membership: ReadonlyMap<string, ThingMembership>,
): TargetDifference {
  const difference: TargetDifference = { remove: [], launch: [] };
  for (const [thingName, thing] of membership) {
    if (thing.explicit) continue;
    const own = changes.filter((change) => change.thingName === thingName);
    const leftMeanwhile = lowestCount(own, thing.groups) <= 0;
    if (thing.targeted && leftMeanwhile) difference.remove.push(thingName);
    if (thing.groups > 0 && (!thing.targeted || leftMeanwhile)) difference.launch.push(thingName);
  }
  return difference;
}

/** The fewest groups the thing was in at any time after the first change, found by walking back from the end. */
function lowestCount(changes: readonly MembershipChange[], atEnd: number): number {
  let count = atEnd;
  let lowest = atEnd;
  for (const { change } of [...changes].reverse().slice(0, -1)) {
    count += change === 'JOINED' ? -1 : 1;
    lowest = Math.min(lowest, count);
  }
  return lowest;
}
