import { Anchor, Skeleton, Stack, Text } from '@mantine/core';
import { IconActivity, IconCirclePlus, IconTrash, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { EXECUTION_STATUSES, JOB_STATUSES } from '../../domain/statuses';
import type { Schemas } from '../api/client';
import { oneOf } from '../lib/search-params';
import { EXECUTION_LOOKS, JOB_LOOKS, type StatusLook } from '../lib/statuses';
import { who } from '../lib/who';
import classes from './activity-list.module.css';
import { JobName } from './names';
import { RelativeTime } from './relative-time';
import { Empty } from './states';

type Activity = Schemas['Overview']['activity'][number];

/** What happened of late, the latest first. */
export function ActivityList({ activity }: { activity: Activity[] | undefined }) {
  if (!activity) return <Skeleton height={120} />;
  if (activity.length === 0) {
    return (
      <Empty icon={IconActivity} title="Nothing has happened yet">
        Jobs that are created, completed or canceled appear here, and devices that failed.
      </Empty>
    );
  }
  return (
    <Stack component="ol" gap={0} className={classes.list}>
      {activity.map((one) => (
        <ActivityLine key={one.id} activity={one} />
      ))}
    </Stack>
  );
}

interface Telling {
  icon: Icon;
  color: string;
  words: ReactNode;
}

function ActivityLine({ activity }: { activity: Activity }) {
  const { icon: Icon, color, words } = tell(activity);
  return (
    <li className={classes.line}>
      <Icon size={16} aria-hidden style={{ color }} className={classes.icon} />
      <Text size="sm" className={classes.words}>
        {words}
      </Text>
      <Text size="xs" c="dimmed" className={classes.time}>
        <RelativeTime at={activity.at} />
      </Text>
    </li>
  );
}

function tell(activity: Activity): Telling {
  const { type, data, thingName } = activity;
  const by = typeof data.by === 'string' && data.by.startsWith('key:') ? ` by ${who(data.by)}` : '';
  const job = <JobLink activity={activity} />;
  const look = lookOf(activity);
  const color = look?.color ?? 'var(--mantine-color-dimmed)';
  switch (type) {
    case 'job.created':
      return { icon: IconCirclePlus, color, words: <>{job} was created</> };
    case 'job.deleted':
      return { icon: IconTrash, color, words: <>{job} was deleted</> };
    case 'job.updated':
      return {
        icon: look?.icon ?? IconActivity,
        color,
        words: (
          <>
            {job}: {look?.label.toLowerCase()}
            {by}
          </>
        ),
      };
    default:
      return {
        icon: look?.icon ?? IconActivity,
        color,
        words: (
          <>
            {job} on {thingName}: {look?.label.toLowerCase()}
            {by}
          </>
        ),
      };
  }
}

function lookOf({ data }: Activity): StatusLook | undefined {
  const execution = oneOf(EXECUTION_STATUSES, asText(data.to));
  const job = oneOf(JOB_STATUSES, asText(data.status));
  return execution ? EXECUTION_LOOKS[execution] : job && JOB_LOOKS[job];
}

const asText = (value: unknown) => (typeof value === 'string' ? value : undefined);

function JobLink({ activity: { type, jobId, jobName, thingName } }: { activity: Activity }) {
  if (jobId === null) return null;
  const name = <JobName job={{ jobId, name: jobName }} />;
  if (type === 'job.deleted') return name;
  const place = thingName === null ? '' : `/executions/${encodeURIComponent(thingName)}`;
  return (
    <Anchor component={Link} to={`/jobs/${jobId}${place}`} inherit>
      {name}
    </Anchor>
  );
}
