import { Text } from '@mantine/core';

interface JobNamed {
  jobId: string;
  name: string | null;
}

/** A job without a name is known by its id. */
export const nameOfJob = ({ jobId, name }: JobNamed): string => name ?? jobId;

export function JobName({ job }: { job: JobNamed }) {
  return job.name === null ? <span className="mono">{job.jobId}</span> : job.name;
}

const SHOWN = 2;

/** The first names of a list, and how many there are beyond them. */
export function NameList({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  const rest = names.length - SHOWN;
  return (
    <Text component="span" size="xs" c="dimmed" title={names.slice(0, 20).join('\n')}>
      {names.slice(0, SHOWN).join(', ')}
      {rest > 0 && ` and ${rest} more`}
    </Text>
  );
}
