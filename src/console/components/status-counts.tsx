import { UnstyledButton } from '@mantine/core';
import { EXECUTION_STATUSES, type ExecutionCounts, type ExecutionStatus } from '../../domain/statuses';
import { number } from '../lib/numbers';
import { EXECUTION_LOOKS } from '../lib/statuses';
import classes from './status-counts.module.css';

interface StatusCountsProps {
  counts: ExecutionCounts;
  /** The one that the table below is filtered by. */
  chosen: ExecutionStatus | undefined;
  onChoose: (status: ExecutionStatus | null) => void;
}

/** How many executions stand in each status. Pressing one shows them. */
export function StatusCounts({ counts, chosen, onChoose }: StatusCountsProps) {
  return (
    <div className={classes.counts} role="group" aria-label="Executions by status">
      {EXECUTION_STATUSES.map((status) => {
        const { icon: Icon, label, color } = EXECUTION_LOOKS[status];
        return (
          <UnstyledButton
            key={status}
            className={classes.count}
            data-none={counts[status] === 0}
            aria-pressed={chosen === status}
            onClick={() => onChoose(chosen === status ? null : status)}
          >
            <span className={`number ${classes.value}`}>{number(counts[status])}</span>
            <span className={classes.label} style={{ color }}>
              <Icon size={14} aria-hidden /> {label}
            </span>
          </UnstyledButton>
        );
      })}
    </div>
  );
}
