import type { ExecutionStatus, JobStatus } from '../../domain/statuses';
import { EXECUTION_LOOKS, JOB_LOOKS, type StatusLook } from '../lib/statuses';
import classes from './status.module.css';

export function JobStatusLabel({ status }: { status: JobStatus }) {
  return <StatusLabel look={JOB_LOOKS[status]} />;
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
