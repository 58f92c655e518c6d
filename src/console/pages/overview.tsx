import { Anchor, Button, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconCircleCheck, IconDevices, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { PENDING_STATUSES, type ExecutionCounts } from '../../domain/statuses';
import type { Schemas } from '../api/client';
import { overviewQuery } from '../api/queries';
import { useMayGiveCredentials } from '../api/session';
import { ActivityList } from '../components/activity-list';
import { DataTable, type Column } from '../components/data-table';
import { NAME, PROGRESS, STATUS } from '../components/job-columns';
import { JobName } from '../components/names';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { RelativeTime } from '../components/relative-time';
import { RowLink } from '../components/row-link';
import { Empty, Failed } from '../components/states';
import { Tile } from '../components/tile';
import { count, number } from '../lib/numbers';
import { EXECUTION_LOOKS } from '../lib/statuses';
import { CreateJobButton } from './jobs';

type Overview = Schemas['Overview'];
type LongExecution = Schemas['ExecutionWithJobName'];

const FAULTS = ['FAILED', 'REJECTED', 'TIMED_OUT'] as const;

export function OverviewPage() {
  const { data, error, refetch } = useQuery(overviewQuery);
  return (
    <Page title="Overview" actions={<CreateJobButton />}>
      {error && !data ? (
        <Panel>
          <Failed error={error} retry={() => void refetch()} />
        </Panel>
      ) : data && isEmpty(data) ? (
        <FirstSteps />
      ) : (
        <Dashboard overview={data} />
      )}
    </Page>
  );
}

function isEmpty({ things, jobs }: Overview): boolean {
  return things.total === 0 && Object.values(jobs).every((jobCount) => jobCount === 0);
}

function FirstSteps() {
  const mayRegister = useMayGiveCredentials('/things');
  return (
    <Panel>
      <Empty
        icon={IconDevices}
        title="Begin with a thing"
        action={
          mayRegister && (
            <Button component={Link} to="/things">
              Go to things
            </Button>
          )
        }
      >
        Register a device as a thing and connect it with the credentials you get. Then create a job for it,
        and see here what becomes of it.
      </Empty>
    </Panel>
  );
}

function Dashboard({ overview }: { overview: Overview | undefined }) {
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Tile
          title="Jobs in progress"
          value={overview && number(overview.jobs.IN_PROGRESS ?? 0)}
          to="/jobs?status=IN_PROGRESS"
          note={overview && `${number(overview.jobs.COMPLETED ?? 0)} completed`}
        />
        <Tile
          title="Devices with work"
          value={overview && number(sum(overview.executions, PENDING_STATUSES))}
          note={overview && `${number(overview.executions.IN_PROGRESS)} at it now`}
        />
        <Tile
          title="Need attention"
          value={overview && number(overview.attention.jobs.length + overview.attention.executions.length)}
          note={overview && `${count(overview.attention.jobs.length, 'job')} with failures`}
        />
        <Tile
          title="Things"
          value={overview && number(overview.things.total)}
          to="/things"
          note={overview && onlineNote(overview.things)}
        />
      </SimpleGrid>
      <Panel title="Running now" aside={<More to="/jobs?status=IN_PROGRESS">All jobs in progress</More>}>
        {overview?.running.length === 0 ? (
          <Empty icon={IconPlayerPlay} title="Nothing runs now" action={<CreateJobButton />}>
            Jobs that devices work on appear here.
          </Empty>
        ) : (
          <DataTable
            label="Running jobs"
            columns={RUNNING_COLUMNS}
            rows={overview?.running}
            rowKey={({ jobId }) => jobId}
          />
        )}
      </Panel>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Panel title="Needs attention">
          <Attention attention={overview?.attention} />
        </Panel>
        <Panel title="Recent activity" padded>
          <ActivityList activity={overview?.activity} />
        </Panel>
      </SimpleGrid>
    </Stack>
  );
}

const RUNNING_COLUMNS: Column<Schemas['JobSummary']>[] = [
  NAME,
  STATUS,
  { header: 'Targets', cell: ({ targets }) => count(targets.thingCount, 'thing') },
  { ...PROGRESS, width: '30%' },
  { header: 'Created At', cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
];

function Attention({ attention }: { attention: Overview['attention'] | undefined }) {
  if (attention && attention.jobs.length + attention.executions.length === 0) {
    return (
      <Empty icon={IconCircleCheck} title="All is well">
        Jobs with failures of the last 24 hours appear here, and devices that have been at work for more than
        15 minutes.
      </Empty>
    );
  }
  return (
    <>
      {(!attention || attention.jobs.length > 0) && (
        <DataTable
          label="Jobs with failures"
          columns={FAULT_COLUMNS}
          rows={attention?.jobs}
          rowKey={({ jobId }) => jobId}
        />
      )}
      {attention && attention.executions.length > 0 && (
        <DataTable
          label="Devices long in progress"
          columns={LONG_COLUMNS}
          rows={attention.executions}
          rowKey={({ jobId, thingName }) => `${jobId} ${thingName}`}
        />
      )}
    </>
  );
}

const FAULT_COLUMNS: Column<Schemas['JobSummary']>[] = [
  NAME,
  { header: 'Failures', cell: ({ executionCounts }) => <Faults counts={executionCounts} /> },
  STATUS,
];

const LONG_COLUMNS: Column<LongExecution>[] = [
  {
    header: 'Device long in progress',
    cell: ({ jobId, thingName }) => (
      <RowLink to={`/jobs/${jobId}/executions/${encodeURIComponent(thingName)}`}>{thingName}</RowLink>
    ),
  },
  { header: 'Job', cell: ({ jobId, jobName }) => <JobName job={{ jobId, name: jobName }} /> },
  { header: 'Started', cell: ({ startedAt }) => <RelativeTime at={startedAt} /> },
];

function Faults({ counts }: { counts: ExecutionCounts }) {
  return (
    <Group gap="sm">
      {FAULTS.filter((status) => counts[status] > 0).map((status) => (
        <Text
          key={status}
          component="span"
          size="sm"
          fw={500}
          style={{ color: EXECUTION_LOOKS[status].color }}
        >
          {number(counts[status])} {EXECUTION_LOOKS[status].label.toLowerCase()}
        </Text>
      ))}
    </Group>
  );
}

function More({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Anchor component={Link} to={to} size="sm">
      {children}
    </Anchor>
  );
}

function onlineNote({ connected }: Overview['things']): string {
  return connected === null ? 'registered' : `${number(connected)} online`;
}

function sum(counts: ExecutionCounts, statuses: readonly (keyof ExecutionCounts)[]): number {
  return statuses.reduce((total, status) => total + counts[status], 0);
}
