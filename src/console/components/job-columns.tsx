import type { Schemas } from '../api/client';
import { count } from '../lib/numbers';
import { JOB_TYPE_LABELS } from '../lib/statuses';
import type { Column } from './data-table';
import { ExecutionBar } from './execution-bar';
import { JobName, NameList } from './names';
import { RelativeTime } from './relative-time';
import { RowLink } from './row-link';
import { JobStatusLabel } from './status';

type Job = Schemas['JobSummary'];

export const NAME: Column<Job> = {
  header: 'Name',
  cell: (job) => (
    <RowLink to={`/jobs/${job.jobId}`}>
      <JobName job={job} />
    </RowLink>
  ),
};

export const JOB_TYPE: Column<Job> = { header: 'Job Type', cell: ({ jobType }) => JOB_TYPE_LABELS[jobType] };

export const STATUS: Column<Job> = {
  header: 'Status',
  cell: (job) => <JobStatusLabel job={job} />,
};

export const TARGETS: Column<Job> = {
  header: 'Targets',
  cell: ({ targets }) => (
    <span>
      {count(targets.thingCount, 'thing')} <NameList names={targets.thingGroupNames} />
    </span>
  ),
};

export const PROGRESS: Column<Job> = {
  header: 'Progress',
  cell: (job) => <ExecutionBar job={job} />,
};

export const CREATED: Column<Job> = {
  header: 'Created At',
  cell: ({ createdAt }) => <RelativeTime at={createdAt} />,
};
