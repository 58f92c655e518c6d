import { isLaunching, type ExecutionStatus, type JobStatus, type TargetCounts } from '../../domain/statuses';
import { EXECUTION_LOOKS, JOB_LOOKS, type StatusLook } from '../lib/statuses';
import { number } from '../lib/numbers';
import classes from './status.module.css';

interface JobStatusLabelProps {
  job: { status: JobStatus; targetCounts: TargetCounts };
}

/** With how far a job is launched, while it is not: its executions are not all there yet. */
export function JobStatusLabel({ job }: JobStatusLabelProps) {
  const look = JOB_LOOKS[job.status];
  if (!isLaunching(job)) return <StatusLabel look={look} />;
  const { launched, total } = job.targetCounts;
  return <StatusLabel look={{ ...look, label: `Launching, ${number(launched)} of ${number(total)}` }} />;
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
