/** What a device is told about its list of pending executions (PROTOCOL.md §2, "Semantics"). */
import { isTerminal, type ExecutionStatus } from './statuses';

export interface Notifications {
  /** `notify`: an execution joined or left the list. */
  list: boolean;
  /** `notify-next`: the head of the list is another one, or none, afterwards. */
  head: boolean;
}

export interface ListChange {
  /** Undefined for an execution that did not exist before. */
  from: ExecutionStatus | undefined;
  to: ExecutionStatus;
  /** Job ids of the heads of the thing's list, undefined where nothing is pending. */
  headBefore: string | undefined;
  headAfter: string | undefined;
}

export function notificationsFor(change: ListChange): Notifications {
  const wasPending = change.from !== undefined && !isTerminal(change.from);
  return {
    list: wasPending !== !isTerminal(change.to),
    head: change.headBefore !== change.headAfter,
  };
}
