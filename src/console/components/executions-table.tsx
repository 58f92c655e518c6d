import { IconDevices } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useLocation, type To } from 'react-router';
import { neverLaunched, stillToLaunch } from '../../domain/job-course';
import { EXECUTION_STATUSES, type ExecutionStatus } from '../../domain/statuses';
import type { Job, Schemas } from '../api/client';
import { executionsQuery } from '../api/queries';
import { count } from '../lib/numbers';
import { oneOf, useFilters, usePaging } from '../lib/search-params';
import { EXECUTION_LOOKS } from '../lib/statuses';
import type { Column } from './data-table';
import { DetailsText } from './details-text';
import { FilterSelect } from './filter-select';
import { Listing } from './listing';
import { RelativeTime } from './relative-time';
import { RowLink } from './row-link';
import { SearchField } from './search-field';
import { Empty, NoMatch } from './states';
import { ExecutionStatusLabel } from './status';

type Execution = Schemas['Execution'];

export const EXECUTION_STATUS_OPTIONS = EXECUTION_STATUSES.map((value) => ({
  value,
  label: EXECUTION_LOOKS[value].label,
}));

/** The filters of the executions, which the counts above them also set. */
export function useExecutionFilters() {
  const filters = useFilters(['status', 'thing']);
  return {
    ...filters,
    status: oneOf(EXECUTION_STATUSES, filters.values.status),
    setStatus: (status: ExecutionStatus | null) => filters.set('status', status),
  };
}

export function ExecutionsTable({ job }: { job: Job }) {
  const { jobId } = job;
  const { search } = useLocation();
  const filters = useExecutionFilters();
  const paging = usePaging();
  const name = filters.values.thing;
  const query = useQuery(
    executionsQuery(jobId, { status: filters.status, search: name, cursor: paging.cursor }),
  );
  return (
    <Listing
      label="Executions"
      query={query}
      columns={columnsFor(({ thingName }) => ({
        pathname: `/jobs/${jobId}/executions/${encodeURIComponent(thingName)}`,
        search,
      }))}
      rowKey={(execution) => execution.thingName}
      paging={paging}
      tools={
        <>
          <SearchField
            label="Search by name"
            value={name ?? ''}
            onChange={(value) => filters.set('thing', value)}
          />
          <FilterSelect
            label="Execution status"
            options={EXECUTION_STATUS_OPTIONS}
            value={filters.status}
            onChange={filters.setStatus}
          />
        </>
      }
      empty={
        filters.any ? (
          <NoMatch what="execution" onClear={filters.clear}>
            No execution has this status and this in the name of its thing.
          </NoMatch>
        ) : (
          <Empty icon={IconDevices} title="No executions">
            {whyNone(job)}
          </Empty>
        )
      }
    />
  );
}

function whyNone(job: Job): string {
  const { total, launched } = job.targetCounts;
  if (total === 0)
    return 'No thing was in the targets of this job. A continuous job gives work to things that join its groups.';
  if (stillToLaunch(job) > 0 && launched === 0)
    return `The job is being launched. Its executions appear here, thing by thing, for ${count(total, 'thing')}.`;
  if (neverLaunched(job) === total) return 'The job was over before any of its things was launched.';
  return 'The records of its executions were deleted.';
}

function columnsFor(placeOf: (execution: Execution) => To): Column<Execution>[] {
  return [
    {
      header: 'Thing',
      cell: (execution) => <RowLink to={placeOf(execution)}>{execution.thingName}</RowLink>,
    },
    { header: 'Status', cell: ({ status }) => <ExecutionStatusLabel status={status} /> },
    { header: 'Details', width: '30%', cell: ({ statusDetails }) => <DetailsText details={statusDetails} /> },
    { header: 'Queued', minor: true, cell: ({ queuedAt }) => <RelativeTime at={queuedAt} /> },
    { header: 'Started', minor: true, cell: ({ startedAt }) => <RelativeTime at={startedAt} /> },
    { header: 'Updated', cell: ({ lastUpdatedAt }) => <RelativeTime at={lastUpdatedAt} /> },
  ];
}
