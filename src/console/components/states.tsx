/** What stands in the place of content: nothing there, not there yet, could not be read. */
import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconRefresh, IconSearchOff, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { explain, type Explanation } from '../lib/explain';
import classes from './states.module.css';

interface EmptyProps {
  icon: Icon;
  title: string;
  /** What to do next. */
  children: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <Stack align="center" gap="xs" py={48} px="md" ta="center">
      <Icon size={36} stroke={1.4} aria-hidden className={classes.icon} />
      <Title order={2}>{title}</Title>
      <Text c="dimmed" maw={460}>
        {children}
      </Text>
      {action && <Group mt="xs">{action}</Group>}
    </Stack>
  );
}

/** In the place of a list that is empty only because of its filters. */
export function NoMatch({
  what,
  onClear,
  children,
}: {
  /** What is listed, in the singular. */
  what: string;
  onClear: () => void;
  /** How the filters look for it. */
  children: ReactNode;
}) {
  return (
    <Empty
      icon={IconSearchOff}
      title={`No ${what} matches`}
      action={
        <Button variant="default" onClick={onClear}>
          Clear the filters
        </Button>
      }
    >
      {children}
    </Empty>
  );
}

/** In the place of what could not be read. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail } = explain(error);
  return (
    <Stack align="center" gap="xs" py={48} px="md" ta="center" role="alert">
      <IconAlertTriangle size={36} stroke={1.4} aria-hidden className={classes.icon} />
      <Title order={2}>{title}</Title>
      <Text c="dimmed" maw={460}>
        {detail}
      </Text>
      {retry && (
        <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} onClick={retry} mt="xs">
          Try again
        </Button>
      )}
    </Stack>
  );
}

/** Above the fields of a form or beside a button: what the server said to it. */
export function Refusal({ explanation }: { explanation: Explanation | null }) {
  if (!explanation) return null;
  return (
    <Alert color="red" role="alert" title={explanation.title} icon={<IconAlertTriangle aria-hidden />}>
      {explanation.detail}
    </Alert>
  );
}
