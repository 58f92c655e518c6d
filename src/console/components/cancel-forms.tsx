/** Cancel a job, or one execution of it. */
import { Radio, Stack, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { mayFinish } from '../../domain/job-course';
import { bodyOf, client, type Job, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { sortErrors } from '../lib/field-errors';
import { count } from '../lib/numbers';
import { useCall } from '../lib/use-call';
import { DialogForm } from './dialog';

interface Wish {
  reasonCode: string;
  comment: string;
  force: 'no' | 'yes';
}

const NO_WISH: Wish = { reasonCode: '', comment: '', force: 'no' };
const FIELDS = { reasonCode: 'reasonCode', comment: 'comment' };

const bodyFor = ({ reasonCode, comment, force }: Wish): Schemas['JobCancellation'] => ({
  ...(reasonCode && { reasonCode }),
  ...(comment && { comment }),
  force: force === 'yes',
});

interface CancelJobProps {
  job: Job;
  onClose: () => void;
}

/** The form of a job's cancellation and its call; what the server refuses stands at the fields. */
function useCancelJob({ job: { jobId }, onClose }: CancelJobProps, said: string, initialValues = NO_WISH) {
  const form = useForm({ initialValues });
  const cancel = useCall(
    (wish: Wish) =>
      bodyOf(
        client.POST('/api/v1/jobs/{jobId}/cancel', { params: { path: { jobId } }, body: bodyFor(wish) }),
      ),
    { touches: [keys.jobs, keys.job(jobId), keys.overview], said, done: onClose },
  );
  const submit = form.onSubmit((wish) =>
    cancel.mutate(wish, { onError: (error) => form.setErrors(sortErrors(error, FIELDS).fields) }),
  );
  return { form, cancel, submit };
}

export function CancelJobForm({ job, onClose }: CancelJobProps) {
  const { form, cancel, submit } = useCancelJob({ job, onClose }, 'The job is canceled.');
  const { IN_PROGRESS: started, QUEUED: queued } = job.executionCounts;
  const { notLaunched } = job.targetCounts;
  const never = notLaunched > 0 ? ` ${count(notLaunched, 'thing')} will not get the job.` : '';
  return (
    <DialogForm
      onClose={onClose}
      action="Cancel Job"
      danger
      onSubmit={submit}
      isPending={cancel.isPending}
      refusal={cancel.error && sortErrors(cancel.error, FIELDS).rest}
    >
      <Radio.Group label="Devices that have begun" {...form.getInputProps('force')}>
        <Stack gap="xs" mt="xs">
          <Radio
            value="no"
            label="Let running devices finish"
            description={`${count(queued, 'queued execution')} will be canceled.${never} ${count(started, 'device')} at work may still report how it ended.`}
            data-autofocus
          />
          <Radio
            value="yes"
            label="Stop them too (force)"
            description={`All ${count(queued + started, 'execution')} not yet ended will be canceled.${never} What devices at work report afterwards is refused.`}
          />
        </Stack>
      </Radio.Group>
      <ReasonFields form={form} />
    </DialogForm>
  );
}

/** For a job that was canceled without force: also what its devices are at work on. */
export function StopJobForm({ job, onClose }: CancelJobProps) {
  const { form, cancel, submit } = useCancelJob({ job, onClose }, 'The devices at work are stopped.', {
    ...NO_WISH,
    force: 'yes',
  });
  return (
    <DialogForm
      onClose={onClose}
      action="Stop them too"
      danger
      onSubmit={submit}
      isPending={cancel.isPending}
      refusal={cancel.error && sortErrors(cancel.error, FIELDS).rest}
    >
      {count(mayFinish(job), 'execution')} in progress will be canceled. What devices at work report
      afterwards is refused.
      <ReasonFields form={form} />
    </DialogForm>
  );
}

interface CancelExecutionProps {
  execution: Schemas['Execution'];
  onClose: () => void;
}

export function CancelExecutionForm({ execution, onClose }: CancelExecutionProps) {
  const { jobId, thingName, status } = execution;
  const isStarted = status === 'IN_PROGRESS';
  const form = useForm({ initialValues: NO_WISH });
  const cancel = useCall(
    (wish: Wish) =>
      bodyOf(
        client.POST('/api/v1/jobs/{jobId}/executions/{thingName}/cancel', {
          params: { path: { jobId, thingName } },
          body: bodyFor({ ...wish, force: isStarted ? 'yes' : 'no' }),
        }),
      ),
    {
      touches: [keys.job(jobId), keys.execution(jobId, thingName), keys.jobs, keys.thing(thingName)],
      said: `The execution on ${thingName} is canceled.`,
      done: onClose,
    },
  );
  const submit = form.onSubmit((wish) =>
    cancel.mutate(wish, { onError: (error) => form.setErrors(sortErrors(error, FIELDS).fields) }),
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Cancel execution"
      danger
      onSubmit={submit}
      isPending={cancel.isPending}
      refusal={cancel.error && sortErrors(cancel.error, FIELDS).rest}
    >
      {isStarted
        ? 'The device is at work. What it reports afterwards is refused; other devices go on.'
        : 'The device does not get this job. Other devices go on.'}
      <ReasonFields form={form} />
    </DialogForm>
  );
}

function ReasonFields({ form }: { form: ReturnType<typeof useForm<Wish>> }) {
  return (
    <>
      <TextInput
        label="Reason code"
        description="Optional, for programs: upper-case letters, digits and _"
        placeholder="USER_CANCEL"
        {...form.getInputProps('reasonCode')}
        onChange={(event) => form.setFieldValue('reasonCode', event.currentTarget.value.toUpperCase())}
      />
      <Textarea
        label="Comment"
        description="Optional, for people"
        autosize
        minRows={2}
        {...form.getInputProps('comment')}
      />
    </>
  );
}
