import { Text } from '@mantine/core';
import { courseOf, neverLaunched, type Standing } from '../../domain/job-course';
import type { ExecutionStatus, TargetState } from '../../domain/statuses';
import { count, number } from '../lib/numbers';
import { COURSE_LABELS, EXECUTION_LOOKS, JOB_LOOKS, TARGET_LOOKS, type StatusLook } from '../lib/statuses';
import classes from './status.module.css';

/** With how far it is launched or canceled while it is not, and how many things it never reached. */
export function JobStatusLabel({ job }: { job: Standing }) {
  const never = neverLaunched(job);
  return (
    <>
      <StatusLabel look={lookOf(job)} />
      {never > 0 && (
        <Text component="span" size="xs" c="dimmed">
          {' '}
          {number(never)} never launched
        </Text>
      )}
    </>
  );
}

function lookOf(job: Standing): StatusLook {
  const look = JOB_LOOKS[job.status];
  const course = courseOf(job);
  if (!course) return job.status === 'COMPLETED' ? completedLook(job) : look;
  const { kind, done, total } = course;
  return { ...look, label: `${COURSE_LABELS[kind]}, ${number(done)} of ${number(total)}` };
}

/** A job is completed when all its executions have ended, however they did. */
function completedLook({ executionCounts: counts }: Standing): StatusLook {
  const failures = counts.FAILED + counts.REJECTED + counts.TIMED_OUT;
  if (failures === 0) return JOB_LOOKS.COMPLETED;
  const { icon, color } = EXECUTION_LOOKS[counts.SUCCEEDED > 0 ? 'REJECTED' : 'FAILED'];
  return { icon, color, label: `Completed with ${count(failures, 'failure')}` };
}

export function TargetStateLabel({ state }: { state: TargetState }) {
  return <StatusLabel look={TARGET_LOOKS[state]} />;
}

export function ExecutionStatusLabel({ status }: { status: ExecutionStatus }) {
  return <StatusLabel look={EXECUTION_LOOKS[status]} />;
}

function StatusLabel({ look: { icon: Icon, label, color } }: { look: StatusLook }) {
  return (
    <span className={classes.label} style={{ color }}>
      <Icon size={16} stroke={2} aria-hidden />
      {label}
    </span>
  );
}
