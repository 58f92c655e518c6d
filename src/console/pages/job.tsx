import { Anchor, Button, Group, SimpleGrid, Skeleton, Stack, Tabs, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconBan, IconCopy, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation, useNavigate, useParams, useSearchParams } from 'react-router';
import { Refused, type Job } from '../api/client';
import { indented } from '../../domain/json-text';
import { aboutQuery, jobQuery, progressQuery } from '../api/queries';
import { useMay } from '../api/session';
import { courseOf, mayFinish, neverLaunched } from '../../domain/job-course';
import { CancelJobForm, StopJobForm } from '../components/cancel-forms';
import { CodeBlock } from '../components/code-block';
import { DeleteJobForm } from '../components/delete-forms';
import { Dialog } from '../components/dialog';
import { ExecutionBar } from '../components/execution-bar';
import { ExecutionDrawer } from '../components/execution-drawer';
import { ExecutionsTable, useExecutionFilters } from '../components/executions-table';
import { ExternalLink } from '../components/external-link';
import { Facts } from '../components/facts';
import { nameOfJob, NameList } from '../components/names';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { ProgressChart } from '../components/progress-chart';
import { RelativeTime } from '../components/relative-time';
import { Empty, Failed } from '../components/states';
import { JobStatusLabel } from '../components/status';
import { StatusCounts } from '../components/status-counts';
import { TargetsTable } from '../components/targets-table';
import { count, number } from '../lib/numbers';
import { oneOf } from '../lib/search-params';
import { JOB_TYPE_LABELS, JOB_TYPE_MEANINGS } from '../lib/statuses';
import { workflowUrl } from '../lib/temporal';
import { duration } from '../lib/time';
import { who } from '../lib/who';

const ABOVE = { title: 'Jobs', to: '/jobs' };
const TABS = ['executions', 'targets', 'document', 'details'] as const;

export function JobPage() {
  const { jobId = '', thingName = null } = useParams();
  const { data: job, error, refetch } = useQuery(jobQuery(jobId));
  // One that is gone stays gone: what was read of it before is not shown any longer.
  if (error && (!job || isGone(error))) return <NoJob error={error} retry={() => void refetch()} />;
  if (!job) return <Loading />;
  return <ShownJob job={job} thingName={thingName} />;
}

const isGone = (error: unknown) => error instanceof Refused && error.status === 404;

function NoJob({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <Page title="Job" above={ABOVE}>
      <Panel>
        {isGone(error) ? (
          <Empty
            icon={IconTrash}
            title="There is no such job"
            action={
              <Button component={Link} to="/jobs">
                Go to all jobs
              </Button>
            }
          >
            It has been deleted, or the address is not right.
          </Empty>
        ) : (
          <Failed error={error} retry={retry} />
        )}
      </Panel>
    </Page>
  );
}

function Loading() {
  return (
    <Page title="Job" above={ABOVE}>
      <Skeleton height={260} aria-label="Loading" />
      <Skeleton height={320} />
    </Page>
  );
}

function ShownJob({ job, thingName }: { job: Job; thingName: string | null }) {
  const { search } = useLocation();
  const navigate = useNavigate();
  return (
    <Page
      title={nameOfJob(job)}
      above={ABOVE}
      mark={
        // Figures that run are not read out each time.
        <span aria-live={courseOf(job) ? 'off' : 'polite'}>
          <JobStatusLabel job={job} />
        </span>
      }
      actions={<JobActions job={job} />}
    >
      <Progress job={job} />
      <JobTabs job={job} />
      <ExecutionDrawer
        jobId={job.jobId}
        thingName={thingName}
        onClose={() => void navigate({ pathname: `/jobs/${job.jobId}`, search })}
      />
    </Page>
  );
}

function JobActions({ job }: { job: Job }) {
  const may = useMay();
  const navigate = useNavigate();
  const [isCanceling, canceling] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  const { jobId, status } = job;
  return (
    <>
      {may('POST', '/jobs') && (
        <Button
          component={Link}
          to={`/jobs/new?from=${jobId}`}
          variant="default"
          leftSection={<IconCopy size={16} aria-hidden />}
        >
          Create again
        </Button>
      )}
      {status === 'IN_PROGRESS' && may('POST', `/jobs/${jobId}/cancel`) && (
        <Button variant="default" leftSection={<IconBan size={16} aria-hidden />} onClick={canceling.open}>
          Cancel Job
        </Button>
      )}
      {status !== 'DELETION_IN_PROGRESS' && may('DELETE', `/jobs/${jobId}`) && (
        <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={deleting.open}>
          Delete Job
        </Button>
      )}
      <Dialog title="Cancel Job" opened={isCanceling} onClose={canceling.close}>
        <CancelJobForm job={job} onClose={canceling.close} />
      </Dialog>
      <Dialog title="Delete Job" opened={isDeleting} onClose={deleting.close}>
        <DeleteJobForm job={job} onClose={deleting.close} onDeleted={() => void navigate('/jobs')} />
      </Dialog>
    </>
  );
}

function Progress({ job }: { job: Job }) {
  const { jobId, executionCounts } = job;
  const { data: progress } = useQuery(progressQuery(jobId));
  const { status, setStatus } = useExecutionFilters();
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Panel title="Progress" aside={<TargetLinks job={job} />} padded>
        <Stack>
          <AtWorkStill job={job} />
          <ExecutionBar job={job} />
          <StatusCounts counts={executionCounts} chosen={status} onChoose={setStatus} />
        </Stack>
      </Panel>
      <Panel title="Statuses over time" padded>
        <ProgressChart points={progress?.points} />
      </Panel>
    </SimpleGrid>
  );
}

function TargetLinks({ job }: { job: Job }) {
  const never = neverLaunched(job);
  return (
    <Group gap="sm">
      <Anchor component={Link} to="?tab=targets" size="sm">
        {count(job.targetCounts.total, 'thing')}
      </Anchor>
      {never > 0 && (
        <Anchor component={Link} to="?tab=targets&state=NOT_LAUNCHED" size="sm">
          {number(never)} never launched
        </Anchor>
      )}
    </Group>
  );
}

/** A canceled job lets devices finish that had begun; they can still be stopped. */
function AtWorkStill({ job }: { job: Job }) {
  const may = useMay();
  const [isStopping, stopping] = useDisclosure();
  const atWork = mayFinish(job);
  return (
    <>
      {atWork > 0 && (
        <Group justify="space-between">
          <Text size="sm">
            {count(atWork, 'device is', 'devices are')} still at work on this job and may finish.
          </Text>
          {may('POST', `/jobs/${job.jobId}/cancel`) && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconBan size={14} aria-hidden />}
              onClick={stopping.open}
            >
              Stop them too
            </Button>
          )}
        </Group>
      )}
      <Dialog title="Stop devices at work" opened={isStopping} onClose={stopping.close}>
        <StopJobForm job={job} onClose={stopping.close} />
      </Dialog>
    </>
  );
}

function JobTabs({ job }: { job: Job }) {
  const [params, setParams] = useSearchParams();
  const tab = oneOf(TABS, params.get('tab') ?? undefined) ?? 'executions';
  const open = (value: string | null) => setParams(value && value !== 'executions' ? { tab: value } : {});
  return (
    <Tabs value={tab} onChange={open} keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="executions">Executions</Tabs.Tab>
        <Tabs.Tab value="targets">Targets</Tabs.Tab>
        <Tabs.Tab value="document">Document</Tabs.Tab>
        <Tabs.Tab value="details">Details</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="executions">
        <ExecutionsTable job={job} />
      </Tabs.Panel>
      <Tabs.Panel value="targets">
        <TargetsTable job={job} />
      </Tabs.Panel>
      <Tabs.Panel value="document">
        <CodeBlock code={indented(job.document)} label="Job document" />
      </Tabs.Panel>
      <Tabs.Panel value="details">
        <Panel padded>
          <Details job={job} />
        </Panel>
      </Tabs.Panel>
    </Tabs>
  );
}

function Details({ job }: { job: Job }) {
  const { targets, timeoutConfig } = job;
  const workflow = workflowUrl(useQuery(aboutQuery).data, job.jobId);
  return (
    <Facts
      facts={{
        'Job ID': <span className="mono">{job.jobId}</span>,
        Description: job.description ?? undefined,
        'Job Type': `${JOB_TYPE_LABELS[job.jobType]}: ${JOB_TYPE_MEANINGS[job.jobType]}`,
        'Target Things': targets.thingNames.length > 0 ? <NameList names={targets.thingNames} /> : undefined,
        Groups:
          targets.thingGroupNames.length > 0 ? <GroupLinks names={targets.thingGroupNames} /> : undefined,
        'Timeout of the work': minutes(timeoutConfig.inProgressTimeoutInMinutes),
        'Timeout in the queue': minutes(timeoutConfig.queuedTimeoutInMinutes),
        'Created by': who(job.createdBy),
        'Created At': <RelativeTime at={job.createdAt} />,
        'Last updated': <RelativeTime at={job.lastUpdatedAt} />,
        [job.status === 'CANCELED' ? 'Canceled at' : 'Completed']: <RelativeTime at={job.completedAt} />,
        'Reason code': job.reasonCode ?? undefined,
        Comment: job.comment ?? undefined,
        Workflow: workflow ? <ExternalLink href={workflow}>Open in the Temporal UI</ExternalLink> : undefined,
      }}
    />
  );
}

const minutes = (value: number | undefined) => (value === undefined ? 'none' : duration(value * 60_000));

function GroupLinks({ names }: { names: readonly string[] }) {
  return (
    <Group gap="sm">
      {names.map((name) => (
        <Anchor key={name} component={Link} to={`/groups/${encodeURIComponent(name)}`} inherit>
          {name}
        </Anchor>
      ))}
    </Group>
  );
}
