import {
  Button,
  Grid,
  Group,
  NumberInput,
  Radio,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, type ReactNode } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { indented, toJson } from '../../domain/json-text';
import { JOB_TYPES, type JobType } from '../../domain/statuses';
import { bodyOf, client, type Job, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { groupNamesQuery, jobQuery, reachQuery, thingNamesQuery } from '../api/queries';
import { JsonEditor } from '../components/json-editor';
import { leftOver, NamePicker } from '../components/name-picker';
import { nameOfJob } from '../components/names';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { Failed, Refusal } from '../components/states';
import { sortErrors } from '../lib/field-errors';
import { createIdempotencyKeys } from '../lib/idempotency';
import { parseDocument } from '../lib/json-document';
import { count } from '../lib/numbers';
import { JOB_TYPE_LABELS, JOB_TYPE_MEANINGS } from '../lib/statuses';

interface JobForm {
  name: string;
  jobType: JobType;
  description: string;
  thingNames: string[];
  thingGroupNames: string[];
  /** Typed and not chosen yet. */
  typedThing: string;
  typedGroup: string;
  document: string;
  inProgressTimeout: number | string;
  queuedTimeout: number | string;
}

/** Of fields that are no plain input. */
interface FieldProps<T> {
  value: T;
  onChange: (value: T) => void;
  error?: ReactNode;
}

/** Where the fields of the form stand in the body. */
const FIELDS = {
  name: 'name',
  jobType: 'jobType',
  description: 'description',
  thingNames: 'targets.thingNames',
  thingGroupNames: 'targets.thingGroupNames',
  document: 'document',
  inProgressTimeout: 'timeoutConfig.inProgressTimeoutInMinutes',
  queuedTimeout: 'timeoutConfig.queuedTimeoutInMinutes',
};

const ABOVE = { title: 'Jobs', to: '/jobs' };
const NO_TARGET = 'Choose at least one thing or one group';

/** `?from=` takes an earlier job as the pattern, `?thing=` and `?group=` name a target. */
export function NewJobPage() {
  const [params] = useSearchParams();
  const from = params.get('from');
  const { data: pattern, error, refetch } = useQuery({ ...jobQuery(from ?? ''), enabled: from !== null });
  return (
    <Page title="Create Job" above={ABOVE}>
      {from === null ? (
        <JobFields initial={emptyForm(params.getAll('thing'), params.getAll('group'))} />
      ) : pattern ? (
        <JobFields key={from} initial={formLike(pattern)} />
      ) : error ? (
        <Panel>
          <Failed error={error} retry={() => void refetch()} />
        </Panel>
      ) : (
        <Skeleton height={480} aria-label="Loading" />
      )}
    </Page>
  );
}

function JobFields({ initial }: { initial: JobForm }) {
  const form = useForm<JobForm>({ initialValues: initial, validate });
  const create = useCreateJob();
  const field = <K extends keyof JobForm>(name: K) => form.getInputProps(name) as FieldProps<JobForm[K]>;
  /** What is typed into a picker; what is wrong with that stands before what is wrong with the names. */
  const typing = (name: 'typedThing' | 'typedGroup', names: 'thingNames' | 'thingGroupNames') => ({
    typed: form.values[name],
    onType: (text: string) => form.setFieldValue(name, text),
    error: form.errors[name] ?? form.errors[names],
  });
  const submit = form.onSubmit((values) =>
    create.mutate(bodyFor(values), { onError: (error) => form.setErrors(sortErrors(error, FIELDS).fields) }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Panel padded>
            <Stack>
              <TextInput
                label="Name"
                description="Optional. A job without a name is known by its ID."
                maxLength={128}
                data-autofocus
                {...form.getInputProps('name')}
              />
              <Radio.Group label="Job Type" {...form.getInputProps('jobType')}>
                <Stack gap="xs" mt="xs">
                  {JOB_TYPES.map((type) => (
                    <Radio
                      key={type}
                      value={type}
                      label={JOB_TYPE_LABELS[type]}
                      description={JOB_TYPE_MEANINGS[type]}
                    />
                  ))}
                </Stack>
              </Radio.Group>
              <Textarea
                label="Description"
                description="Optional. What this job is for."
                autosize
                minRows={2}
                {...form.getInputProps('description')}
              />
              <JsonEditor
                label="Document"
                description="A JSON object that says what is to be done. Devices receive it as it is."
                {...field('document')}
              />
            </Stack>
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack>
            <Panel title="Targets" padded>
              <Stack>
                <NamePicker
                  label="Target Things"
                  placeholder="Type a part of a name, or paste a list"
                  suggest={thingNamesQuery}
                  {...field('thingNames')}
                  {...typing('typedThing', 'thingNames')}
                />
                <NamePicker
                  label="Group"
                  description="All current members are targeted."
                  placeholder="Type a part of a name"
                  suggest={groupNamesQuery}
                  {...field('thingGroupNames')}
                  {...typing('typedGroup', 'thingGroupNames')}
                />
                <Reach thingNames={form.values.thingNames} thingGroupNames={form.values.thingGroupNames} />
              </Stack>
            </Panel>
            <Panel title="Timeouts" padded>
              <SimpleGrid cols={{ base: 1, xs: 2 }}>
                <MinutesInput
                  label="For the work"
                  description="Minutes after a device has begun. Empty: no limit."
                  {...form.getInputProps('inProgressTimeout')}
                />
                <MinutesInput
                  label="In the queue"
                  description="Minutes until a device must begin. Empty: no limit."
                  {...form.getInputProps('queuedTimeout')}
                />
              </SimpleGrid>
            </Panel>
            <Refusal explanation={create.error && sortErrors(create.error, FIELDS).rest} />
            <Group justify="flex-end">
              <Button variant="default" component={Link} to="/jobs">
                Back
              </Button>
              <Button type="submit" loading={create.isPending}>
                Create Job
              </Button>
            </Group>
          </Stack>
        </Grid.Col>
      </Grid>
    </form>
  );
}

const MinutesInput = (props: { label: string; description: string }) => (
  <NumberInput min={0} max={10_080} hideControls suffix=" min" allowNegative={false} {...props} />
);

function useCreateJob() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const idempotencyKeys = useRef(createIdempotencyKeys());
  return useMutation({
    mutationFn: (body: Schemas['NewJob']) =>
      bodyOf(
        client.POST('/api/v1/jobs', {
          params: { header: { 'Idempotency-Key': idempotencyKeys.current.keyFor(body) } },
          body,
          bodySerializer: toJson,
        }),
      ),
    onSuccess: async (job) => {
      notifications.show({ id: job.jobId, message: `The job ${nameOfJob(job)} is created.`, color: 'green' });
      void queryClient.invalidateQueries({ queryKey: keys.jobs });
      await navigate(`/jobs/${job.jobId}`);
    },
  });
}

/** How many things the job would reach now. */
function Reach({ thingNames, thingGroupNames }: Pick<JobForm, 'thingNames' | 'thingGroupNames'>) {
  const [targets] = useDebouncedValue({ thingNames, thingGroupNames }, 300);
  const any = targets.thingNames.length + targets.thingGroupNames.length > 0;
  const { data, error } = useQuery({
    ...reachQuery(targets),
    enabled: any,
    placeholderData: keepPreviousData,
  });
  return (
    <Text size="sm" role="status" c={error ? 'var(--mantine-color-error)' : undefined}>
      {!any ? (
        <Text span c="dimmed">
          Choose things or groups to see how many things this will reach.
        </Text>
      ) : error ? (
        error.message
      ) : data ? (
        <>
          Will reach <strong className="number">{count(data.thingCount, 'thing')}</strong> now.
        </>
      ) : (
        'Counting…'
      )}
    </Text>
  );
}

function validate({ thingNames, thingGroupNames, typedThing, typedGroup, document }: JobForm) {
  return {
    thingNames: thingNames.length + thingGroupNames.length === 0 ? NO_TARGET : null,
    typedThing: leftOver(typedThing),
    typedGroup: leftOver(typedGroup),
    document: parseDocument(document).error ?? null,
  };
}

function bodyFor(values: JobForm): Schemas['NewJob'] {
  const { name, jobType, description, thingNames, thingGroupNames, document } = values;
  const parsed = parseDocument(document);
  return {
    ...(name.trim() && { name: name.trim() }),
    jobType,
    ...(description.trim() && { description: description.trim() }),
    targets: { thingNames, thingGroupNames },
    // Typed as the object that it is when toJson has written it.
    document: (parsed.error === undefined ? parsed.value : {}) as Schemas['NewJob']['document'],
    timeoutConfig: {
      ...minutes('inProgressTimeoutInMinutes', values.inProgressTimeout),
      ...minutes('queuedTimeoutInMinutes', values.queuedTimeout),
    },
  };
}

const minutes = <K extends string>(field: K, value: number | string) =>
  (value === '' ? {} : { [field]: Number(value) }) as { [F in K]?: number };

const emptyForm = (thingNames: string[], thingGroupNames: string[]): JobForm => ({
  name: '',
  jobType: 'SNAPSHOT',
  description: '',
  thingNames,
  thingGroupNames,
  typedThing: '',
  typedGroup: '',
  document: '',
  inProgressTimeout: '',
  queuedTimeout: '',
});

const formLike = (job: Job): JobForm => ({
  name: job.name ?? '',
  jobType: job.jobType,
  description: job.description ?? '',
  thingNames: job.targets.thingNames,
  thingGroupNames: job.targets.thingGroupNames,
  typedThing: '',
  typedGroup: '',
  document: indented(job.document),
  inProgressTimeout: job.timeoutConfig.inProgressTimeoutInMinutes ?? '',
  queuedTimeout: job.timeoutConfig.queuedTimeoutInMinutes ?? '',
});
