/** How statuses are named, drawn and coloured, in one place. */
import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconClockX,
  IconPlayerPlay,
  IconProgress,
  IconSend,
  IconTrash,
  type Icon,
} from '@tabler/icons-react';
import type { Course } from '../../domain/job-course';
import type { ExecutionStatus, JobStatus, JobType, TargetState } from '../../domain/statuses';

export interface StatusLook {
  label: string;
  icon: Icon;
  /** CSS colour that can be read on the page in both schemes. */
  color: string;
}

export const EXECUTION_LOOKS: Record<ExecutionStatus, StatusLook> = {
  QUEUED: { label: 'Queued', icon: IconClock, color: 'var(--status-queued)' },
  IN_PROGRESS: { label: 'In progress', icon: IconProgress, color: 'var(--status-in-progress)' },
  SUCCEEDED: { label: 'Succeeded', icon: IconCircleCheck, color: 'var(--status-succeeded)' },
  FAILED: { label: 'Failed', icon: IconCircleX, color: 'var(--status-failed)' },
  REJECTED: { label: 'Rejected', icon: IconAlertTriangle, color: 'var(--status-rejected)' },
  TIMED_OUT: { label: 'Timed out', icon: IconClockX, color: 'var(--status-timed-out)' },
  CANCELED: { label: 'Canceled', icon: IconBan, color: 'var(--status-canceled)' },
  REMOVED: { label: 'Removed', icon: IconTrash, color: 'var(--status-removed)' },
};

export const JOB_LOOKS: Record<JobStatus, StatusLook> = {
  IN_PROGRESS: { label: 'In progress', icon: IconPlayerPlay, color: 'var(--status-in-progress)' },
  COMPLETED: { label: 'Completed', icon: IconCircleCheck, color: 'var(--status-succeeded)' },
  CANCELED: { label: 'Canceled', icon: IconBan, color: 'var(--status-canceled)' },
  DELETION_IN_PROGRESS: { label: 'Being deleted', icon: IconTrash, color: 'var(--status-removed)' },
};

/** In the place of the status, while a job is on its way. */
export const COURSE_LABELS: Record<Course['kind'], string> = {
  LAUNCHING: 'Launching',
  CANCELING: 'Canceling',
};

export const TARGET_LOOKS: Record<TargetState, StatusLook> = {
  WAITING: { label: 'Waiting to be launched', icon: IconClock, color: 'var(--status-queued)' },
  LAUNCHED: { label: 'Launched', icon: IconSend, color: 'var(--status-in-progress)' },
  NOT_LAUNCHED: { label: 'Never launched', icon: IconBan, color: 'var(--status-canceled)' },
};

export const JOB_TYPE_LABELS: Record<JobType, string> = { SNAPSHOT: 'Snapshot', CONTINUOUS: 'Continuous' };

export const JOB_TYPE_MEANINGS: Record<JobType, string> = {
  SNAPSHOT: 'Runs once, on the things that the targets hold now, and completes.',
  CONTINUOUS: 'Also runs on things that join the target groups later, until it is canceled.',
};

/** From done to not begun: the order in which bars, charts and lists show them. */
export const STATUS_ORDER: readonly ExecutionStatus[] = [
  'SUCCEEDED',
  'FAILED',
  'REJECTED',
  'TIMED_OUT',
  'CANCELED',
  'REMOVED',
  'IN_PROGRESS',
  'QUEUED',
];
