import { Button, Drawer, Group, Skeleton, Stack, Text, Timeline, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconBan, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { isTerminal } from '../../domain/statuses';
import type { Schemas } from '../api/client';
import { aboutQuery, executionQuery } from '../api/queries';
import { useMay } from '../api/session';
import { EXECUTION_LOOKS } from '../lib/statuses';
import { workflowUrl } from '../lib/temporal';
import { duration } from '../lib/time';
import { who } from '../lib/who';
import { CancelExecutionForm } from './cancel-forms';
import { DeleteExecutionForm } from './delete-forms';
import { Dialog } from './dialog';
import { ExternalLink } from './external-link';
import { Facts } from './facts';
import { RelativeTime } from './relative-time';
import { Failed } from './states';
import { ExecutionStatusLabel } from './status';

interface DrawerProps {
  jobId: string;
  /** Null while none is open. */
  thingName: string | null;
  onClose: () => void;
}

/** One execution: how it got where it is. */
export function ExecutionDrawer({ jobId, thingName, onClose }: DrawerProps) {
  return (
    <Drawer opened={thingName !== null} onClose={onClose} position="right" size="lg" title={thingName}>
      {thingName !== null && <Content jobId={jobId} thingName={thingName} onClose={onClose} />}
    </Drawer>
  );
}

function Content({ jobId, thingName, onClose }: { jobId: string; thingName: string; onClose: () => void }) {
  const { data: execution, error, refetch } = useQuery(executionQuery(jobId, thingName));
  if (error && !execution) return <Failed error={error} retry={() => void refetch()} />;
  if (!execution) return <Skeleton height={240} aria-label="Loading" />;
  return (
    <Stack>
      <Actions execution={execution} onClose={onClose} />
      <About execution={execution} />
      <div>
        <Title order={3} size="h2" mb="sm">
          Transitions
        </Title>
        <Transitions transitions={execution.transitions} />
      </div>
    </Stack>
  );
}

function About({ execution }: { execution: Schemas['ExecutionDetail'] }) {
  const { jobId, thingName, status, queuedAt, startedAt, finishedAt, executionNumber, versionNumber } =
    execution;
  const workflow = workflowUrl(useQuery(aboutQuery).data, jobId, thingName);
  return (
    <Facts
      facts={{
        Status: (
          <span aria-live="polite">
            <ExecutionStatusLabel status={status} />
          </span>
        ),
        Queued: <RelativeTime at={queuedAt} />,
        Started: <RelativeTime at={startedAt} />,
        Finished: <RelativeTime at={finishedAt} />,
        'Worked for':
          startedAt && finishedAt ? duration(Date.parse(finishedAt) - Date.parse(startedAt)) : undefined,
        Attempt: executionNumber,
        Version: versionNumber,
        Workflow: workflow ? <ExternalLink href={workflow}>Open in the Temporal UI</ExternalLink> : undefined,
      }}
    />
  );
}

function Actions({ execution, onClose }: { execution: Schemas['ExecutionDetail']; onClose: () => void }) {
  const { jobId, thingName, status } = execution;
  const may = useMay();
  const [isCanceling, canceling] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  const path = `/jobs/${jobId}/executions/${thingName}`;
  return (
    <Group gap="xs">
      <Button component={Link} to={`/things/${encodeURIComponent(thingName)}`} variant="default" size="xs">
        Go to the thing
      </Button>
      {!isTerminal(status) && may('POST', `${path}/cancel`) && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconBan size={14} aria-hidden />}
          onClick={canceling.open}
        >
          Cancel execution
        </Button>
      )}
      {may('DELETE', path) && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconTrash size={14} aria-hidden />}
          onClick={deleting.open}
        >
          Delete record
        </Button>
      )}
      <Dialog title={`Cancel for ${thingName}`} opened={isCanceling} onClose={canceling.close}>
        <CancelExecutionForm execution={execution} onClose={canceling.close} />
      </Dialog>
      <Dialog title={`Delete the record of ${thingName}`} opened={isDeleting} onClose={deleting.close}>
        <DeleteExecutionForm execution={execution} onClose={deleting.close} onDeleted={onClose} />
      </Dialog>
    </Group>
  );
}

/** The latest at the top. */
function Transitions({ transitions }: { transitions: Schemas['Transition'][] }) {
  return (
    <Timeline
      bulletSize={22}
      lineWidth={2}
      component="ol"
      py={0}
      pr={0}
      pl={11}
      m={0}
      style={{ listStyle: 'none' }}
    >
      {transitions.toReversed().map((transition) => {
        const { icon: Icon, color, label } = EXECUTION_LOOKS[transition.to];
        return (
          <Timeline.Item
            key={transition.versionNumber}
            component="li"
            bullet={<Icon size={14} aria-hidden style={{ color }} />}
            title={label}
          >
            <TransitionText transition={transition} />
          </Timeline.Item>
        );
      })}
    </Timeline>
  );
}

function TransitionText({ transition }: { transition: Schemas['Transition'] }) {
  const { at, by, reason, statusDetails, versionNumber, executionNumber, from } = transition;
  return (
    <>
      <Text size="sm" c="dimmed">
        <RelativeTime at={at} />, by {who(by)}, version {versionNumber}
        {from === null && executionNumber > 1 && `, attempt ${executionNumber}`}
      </Text>
      {reason && <Text size="sm">{reason}</Text>}
      {Object.entries(statusDetails ?? {}).map(([key, value]) => (
        <Text key={key} size="sm" className="mono">
          {key}={value}
        </Text>
      ))}
    </>
  );
}
