import { neverLaunched, stillToLaunch, type Standing } from '../../domain/job-course';
import { isTerminal } from '../../domain/statuses';
import { count, number } from '../lib/numbers';
import { EXECUTION_LOOKS, STATUS_ORDER } from '../lib/statuses';
import classes from './execution-bar.module.css';

/** The executions of a job by status, as one bar with how many are done beside it. Its empty end is still to be launched. */
export function ExecutionBar({ job }: { job: Standing }) {
  const { executionCounts: counts } = job;
  const present = STATUS_ORDER.filter((status) => counts[status] > 0);
  const toCome = stillToLaunch(job);
  const never = neverLaunched(job);
  const executions = present.reduce((sum, status) => sum + counts[status], 0);
  const total = executions + toCome;
  const done = present.filter(isTerminal).reduce((sum, status) => sum + counts[status], 0);
  if (total === 0) return <span className={classes.none}>No executions</span>;
  const words = [
    ...present.map((status) => `${number(counts[status])} ${EXECUTION_LOOKS[status].label.toLowerCase()}`),
    ...(toCome > 0 ? [`${number(toCome)} not launched yet`] : []),
    ...(never > 0 ? [`${number(never)} never launched`] : []),
  ].join(', ');
  return (
    <div className={classes.root} title={words}>
      <div className={classes.bar} role="img" aria-label={`${count(total + never, 'thing')}: ${words}`}>
        {present.map((status) => (
          <span
            key={status}
            data-status={status}
            style={{ flexGrow: counts[status], background: EXECUTION_LOOKS[status].color }}
          />
        ))}
        {toCome > 0 && <span data-status="QUEUED" style={{ flexGrow: toCome }} />}
      </div>
      <span className={`number ${classes.share}`}>{share(done, total)} done</span>
    </div>
  );
}

/** Neither 0 % nor 100 % before it is true. */
function share(done: number, total: number): string {
  if (done === 0 || done === total) return done === 0 ? '0 %' : '100 %';
  return `${Math.min(99, Math.max(1, Math.round((done / total) * 100)))} %`;
}
