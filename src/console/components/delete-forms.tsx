/** Delete a job, or one execution of it. */
import { Text } from '@mantine/core';
import { isTerminal } from '../../domain/statuses';
import { bodyOf, client, type Job, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { count } from '../lib/numbers';
import { useCall } from '../lib/use-call';
import { DialogForm } from './dialog';
import { nameOfJob } from './names';

interface DeleteJobProps {
  job: Job;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteJobForm({ job, onClose, onDeleted }: DeleteJobProps) {
  const { jobId, status, executionCounts } = job;
  const isActive = status === 'IN_PROGRESS';
  const remove = useCall(
    () =>
      bodyOf(
        client.DELETE('/api/v1/jobs/{jobId}', {
          params: { path: { jobId }, query: { force: isActive } },
        }),
      ),
    {
      touches: [keys.jobs, keys.overview],
      said: `The job ${nameOfJob(job)} is being deleted.`,
      done: onDeleted,
    },
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Delete Job"
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      {isActive && (
        <Text>
          This job is in progress. {count(executionCounts.QUEUED + executionCounts.IN_PROGRESS, 'device')}{' '}
          that still have it lose it, also those at work.
        </Text>
      )}
      <Text>Deleting a job removes all execution records for that job. This cannot be undone.</Text>
    </DialogForm>
  );
}

interface DeleteExecutionProps {
  execution: Schemas['Execution'];
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteExecutionForm({ execution, onClose, onDeleted }: DeleteExecutionProps) {
  const { jobId, thingName, status } = execution;
  const isActive = !isTerminal(status);
  const remove = useCall(
    () =>
      bodyOf(
        client.DELETE('/api/v1/jobs/{jobId}/executions/{thingName}', {
          params: { path: { jobId, thingName }, query: { force: isActive } },
        }),
      ),
    {
      touches: [keys.job(jobId), keys.jobs, keys.thing(thingName)],
      said: `The record of ${thingName} is deleted.`,
      done: onDeleted,
    },
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Delete record"
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      {isActive && <Text>The device still has this job, and loses it.</Text>}
      <Text>The record of this execution and how it went is removed. This cannot be undone.</Text>
    </DialogForm>
  );
}
