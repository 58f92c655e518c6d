import { IconDevices } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { TARGET_STATES } from '../../domain/statuses';
import type { Job, Schemas } from '../api/client';
import { targetsQuery } from '../api/queries';
import { oneOf, useFilters, usePaging } from '../lib/search-params';
import { TARGET_LOOKS } from '../lib/statuses';
import type { Column } from './data-table';
import { FilterSelect } from './filter-select';
import { Listing } from './listing';
import { RowLink } from './row-link';
import { Empty, NoMatch } from './states';
import { TargetStateLabel } from './status';

/** The things that a job is for, and which of them have got it. */
export function TargetsTable({ job: { jobId, status } }: { job: Job }) {
  const filters = useFilters(['state']);
  const paging = usePaging();
  const states = TARGET_STATES.filter(
    (one) => one !== (status === 'IN_PROGRESS' ? 'NOT_LAUNCHED' : 'WAITING'),
  );
  const state = oneOf(states, filters.values.state);
  const query = useQuery(targetsQuery(jobId, { state, cursor: paging.cursor }));
  return (
    <Listing
      label="Targets"
      query={query}
      columns={COLUMNS}
      rowKey={({ thingName }) => thingName}
      paging={paging}
      tools={
        <FilterSelect
          label="Target state"
          options={states.map((value) => ({ value, label: TARGET_LOOKS[value].label }))}
          value={state}
          onChange={(value) => filters.set('state', value)}
        />
      }
      empty={
        state ? (
          <NoMatch what="target" onClear={filters.clear}>
            None of the things that the job is for is in this state.
          </NoMatch>
        ) : (
          <Empty icon={IconDevices} title="No targets">
            No thing belongs to the targets of this job.
          </Empty>
        )
      }
    />
  );
}

const COLUMNS: Column<Schemas['Target']>[] = [
  {
    header: 'Thing',
    cell: ({ thingName }) => <RowLink to={`/things/${encodeURIComponent(thingName)}`}>{thingName}</RowLink>,
  },
  { header: 'State', cell: ({ state }) => <TargetStateLabel state={state} /> },
];
