import { Button } from '@mantine/core';
import { IconListCheck, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { JOB_STATUSES, JOB_TYPES } from '../../domain/statuses';
import { jobsQuery } from '../api/queries';
import { useMay } from '../api/session';
import { FilterSelect } from '../components/filter-select';
import { CREATED, JOB_TYPE, NAME, PROGRESS, STATUS, TARGETS } from '../components/job-columns';
import { Listing } from '../components/listing';
import { Page } from '../components/page';
import { SearchField } from '../components/search-field';
import { Empty, NoMatch } from '../components/states';
import { oneOf, useFilters, usePaging } from '../lib/search-params';
import { JOB_LOOKS, JOB_TYPE_LABELS } from '../lib/statuses';

const COLUMNS = [NAME, JOB_TYPE, STATUS, TARGETS, { ...PROGRESS, width: '22%' }, CREATED];
const STATUS_OPTIONS = JOB_STATUSES.map((value) => ({ value, label: JOB_LOOKS[value].label }));
const TYPE_OPTIONS = JOB_TYPES.map((value) => ({ value, label: JOB_TYPE_LABELS[value] }));

export function JobsPage() {
  const filters = useFilters(['status', 'jobType', 'name']);
  const paging = usePaging();
  const status = oneOf(JOB_STATUSES, filters.values.status);
  const jobType = oneOf(JOB_TYPES, filters.values.jobType);
  const { name } = filters.values;
  const query = useQuery(jobsQuery({ status, jobType, name, cursor: paging.cursor }));
  return (
    <Page title="Jobs" actions={<CreateJobButton />}>
      <Listing
        label="Jobs"
        query={query}
        columns={COLUMNS}
        rowKey={({ jobId }) => jobId}
        paging={paging}
        tools={
          <>
            <SearchField
              label="Search by name"
              value={name ?? ''}
              onChange={(value) => filters.set('name', value)}
            />
            <FilterSelect
              label="Status"
              options={STATUS_OPTIONS}
              value={status}
              onChange={(value) => filters.set('status', value)}
            />
            <FilterSelect
              label="Job Type"
              options={TYPE_OPTIONS}
              value={jobType}
              onChange={(value) => filters.set('jobType', value)}
            />
          </>
        }
        empty={
          filters.any ? (
            <NoMatch what="job" onClear={filters.clear}>
              No job has this name, status and type. Take a filter away to see more.
            </NoMatch>
          ) : (
            <Empty icon={IconListCheck} title="No jobs yet" action={<CreateJobButton />}>
              A job runs one operation, such as a firmware update, on many things, and follows each of them to
              the end.
            </Empty>
          )
        }
      />
    </Page>
  );
}

export function CreateJobButton({ search = '' }: { search?: string }) {
  const may = useMay();
  if (!may('POST', '/jobs')) return null;
  return (
    <Button component={Link} to={`/jobs/new${search}`} leftSection={<IconPlus size={16} aria-hidden />}>
      Create Job
    </Button>
  );
}
