import { Anchor, Button, SimpleGrid, Skeleton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconEdit, IconKey, IconKeyOff, IconListCheck, IconSearchOff, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { EXECUTION_STATUSES } from '../../domain/statuses';
import { bodyOf, client, Refused, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { jobsOfThingQuery, thingQuery } from '../api/queries';
import { useMay } from '../api/session';
import { ConnectionLabel } from '../components/connection';
import { CredentialsDialog } from '../components/credentials-dialog';
import type { Column } from '../components/data-table';
import { DetailsText } from '../components/details-text';
import { Dialog } from '../components/dialog';
import { EditThingDialog } from '../components/edit-thing-dialog';
import { EXECUTION_STATUS_OPTIONS } from '../components/executions-table';
import { Facts } from '../components/facts';
import { FilterSelect } from '../components/filter-select';
import { Listing } from '../components/listing';
import { JobName } from '../components/names';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { RelativeTime } from '../components/relative-time';
import { RowLink } from '../components/row-link';
import { Empty, Failed } from '../components/states';
import { ExecutionStatusLabel } from '../components/status';
import { Tags } from '../components/tags';
import { oneOf, useFilters, usePaging } from '../lib/search-params';
import { useCall } from '../lib/use-call';
import { CreateJobButton } from './jobs';

type Thing = Schemas['Thing'];

const ABOVE = { title: 'Things', to: '/things' };

export function ThingPage() {
  const { name = '' } = useParams();
  const { data: thing, error, refetch } = useQuery(thingQuery(name));
  const isGone = error instanceof Refused && error.status === 404;
  return (
    <Page title={name} above={ABOVE} actions={thing && <Actions thing={thing} />}>
      {error && (!thing || isGone) ? (
        <Panel>
          <Failed error={error} retry={isGone ? undefined : () => void refetch()} />
        </Panel>
      ) : thing ? (
        <>
          <About thing={thing} />
          <JobsOfThing name={name} />
        </>
      ) : (
        <Skeleton height={200} aria-label="Loading" />
      )}
    </Page>
  );
}

function About({ thing }: { thing: Thing }) {
  const attributes = Object.entries(thing.attributes);
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Panel title="Thing" padded>
        <Facts
          facts={{
            Connection: <ConnectionLabel connection={thing.connection} />,
            'Thing type': thing.thingTypeName ?? undefined,
            Tags: <Tags tags={thing.tags} />,
            'MQTT client ID': <span className="mono">{thing.mqttClientId}</span>,
            Registered: <RelativeTime at={thing.createdAt} />,
            'Last changed': <RelativeTime at={thing.lastUpdatedAt} />,
          }}
        />
      </Panel>
      <Panel title="Attributes" padded>
        {attributes.length > 0 ? <Facts facts={thing.attributes} /> : 'None'}
      </Panel>
    </SimpleGrid>
  );
}

function Actions({ thing: { name, ...thing } }: { thing: Thing }) {
  const may = useMay();
  const [isEditing, editing] = useDisclosure();
  const [isRenewing, renewing] = useDisclosure();
  const [isRevoking, revoking] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  const path = `/things/${name}`;
  return (
    <>
      <CreateJobButton search={`?${new URLSearchParams({ thing: name }).toString()}`} />
      {may('PATCH', path) && (
        <Button variant="default" leftSection={<IconEdit size={16} aria-hidden />} onClick={editing.open}>
          Edit
        </Button>
      )}
      {may('POST', `${path}/credentials`) && (
        <Button variant="default" leftSection={<IconKey size={16} aria-hidden />} onClick={renewing.open}>
          Renew credentials
        </Button>
      )}
      {may('DELETE', `${path}/credentials`) && (
        <Button variant="default" leftSection={<IconKeyOff size={16} aria-hidden />} onClick={revoking.open}>
          Revoke credentials
        </Button>
      )}
      {may('DELETE', path) && (
        <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={deleting.open}>
          Delete
        </Button>
      )}
      {isEditing && <EditThingDialog thing={{ name, ...thing }} onClose={editing.close} />}
      <RenewDialog name={name} opened={isRenewing} onClose={renewing.close} />
      <RevokeDialog name={name} opened={isRevoking} onClose={revoking.close} />
      <DeleteDialog name={name} opened={isDeleting} onClose={deleting.close} />
    </>
  );
}

interface OnThing {
  name: string;
  opened: boolean;
  onClose: () => void;
}

function RenewDialog({ name, opened, onClose }: OnThing) {
  const [renewed, setRenewed] = useState<Schemas['ThingWithCredentials'] | null>(null);
  const renew = useCall(
    () => bodyOf(client.POST('/api/v1/things/{name}/credentials', { params: { path: { name } } })),
    {
      touches: [keys.thing(name)],
      done: (thing) => {
        onClose();
        setRenewed(thing);
      },
    },
  );
  return (
    <>
      <Dialog
        title={`Renew the credentials of ${name}`}
        opened={opened}
        onClose={onClose}
        action="Renew credentials"
        onSubmit={() => renew.mutate()}
        isPending={renew.isPending}
        error={renew.error}
      >
        The old ones end at once, and with them the connection that the device may have.
      </Dialog>
      <CredentialsDialog thing={renewed} onClose={() => setRenewed(null)} />
    </>
  );
}

function RevokeDialog({ name, opened, onClose }: OnThing) {
  const revoke = useCall(
    () => bodyOf(client.DELETE('/api/v1/things/{name}/credentials', { params: { path: { name } } })),
    { touches: [keys.thing(name)], said: `The credentials of ${name} are revoked.`, done: onClose },
  );
  return (
    <Dialog
      title={`Revoke the credentials of ${name}`}
      opened={opened}
      onClose={onClose}
      action="Revoke credentials"
      danger
      onSubmit={() => revoke.mutate()}
      isPending={revoke.isPending}
      error={revoke.error}
    >
      The device is disconnected and cannot connect until its credentials are renewed.
    </Dialog>
  );
}

function DeleteDialog({ name, opened, onClose }: OnThing) {
  const navigate = useNavigate();
  const remove = useCall(
    () => bodyOf(client.DELETE('/api/v1/things/{name}', { params: { path: { name } } })),
    {
      touches: [keys.things, keys.groups, keys.overview],
      said: `The thing ${name} is deleted.`,
      done: () => void navigate('/things'),
    },
  );
  return (
    <Dialog
      title={`Delete ${name}`}
      opened={opened}
      onClose={onClose}
      action="Delete thing"
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      It leaves its groups, its pending executions are removed, and the device can no longer connect. This
      cannot be undone.
    </Dialog>
  );
}

type ExecutionOfThing = Schemas['ExecutionWithJobName'];

const COLUMNS: Column<ExecutionOfThing>[] = [
  {
    header: 'Job',
    cell: ({ jobId, jobName, thingName }) => (
      <RowLink to={`/jobs/${jobId}/executions/${encodeURIComponent(thingName)}`}>
        <JobName job={{ jobId, name: jobName }} />
      </RowLink>
    ),
  },
  { header: 'Status', cell: ({ status }) => <ExecutionStatusLabel status={status} /> },
  { header: 'Details', width: '30%', cell: ({ statusDetails }) => <DetailsText details={statusDetails} /> },
  { header: 'Queued', minor: true, cell: ({ queuedAt }) => <RelativeTime at={queuedAt} /> },
  { header: 'Finished', cell: ({ finishedAt }) => <RelativeTime at={finishedAt} /> },
];

function JobsOfThing({ name }: { name: string }) {
  const filters = useFilters(['status']);
  const paging = usePaging();
  const status = oneOf(EXECUTION_STATUSES, filters.values.status);
  const query = useQuery(jobsOfThingQuery(name, { status, cursor: paging.cursor }));
  return (
    <Listing
      label="Jobs of this thing"
      query={query}
      columns={COLUMNS}
      rowKey={({ jobId }) => jobId}
      paging={paging}
      tools={
        <FilterSelect
          label="Execution status"
          options={EXECUTION_STATUS_OPTIONS}
          value={status}
          onChange={(value) => filters.set('status', value)}
        />
      }
      empty={
        filters.any ? (
          <Empty
            icon={IconSearchOff}
            title="No job matches"
            action={
              <Button variant="default" onClick={filters.clear}>
                Clear the filter
              </Button>
            }
          >
            No job of this thing is in this status.
          </Empty>
        ) : (
          <Empty icon={IconListCheck} title="No jobs yet">
            Jobs that target this thing, or a group that it is in, appear here.{' '}
            <Anchor component={Link} to="/jobs">
              All jobs
            </Anchor>
          </Empty>
        )
      }
    />
  );
}
