import { Anchor, Button, SimpleGrid, Skeleton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconEdit, IconKey, IconKeyOff, IconListCheck, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { EXECUTION_STATUSES } from '../../domain/statuses';
import { bodyOf, client, Refused, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { jobsOfThingQuery, thingQuery } from '../api/queries';
import { useMay, useMayGiveCredentials } from '../api/session';
import { ConnectionLabel } from '../components/connection';
import { CredentialsDialog } from '../components/credentials-dialog';
import type { Column } from '../components/data-table';
import { DetailsText } from '../components/details-text';
import { Dialog, DialogForm } from '../components/dialog';
import { EditThingForm } from '../components/edit-thing-form';
import { EXECUTION_STATUS_OPTIONS } from '../components/executions-table';
import { Facts } from '../components/facts';
import { FilterSelect } from '../components/filter-select';
import { Listing } from '../components/listing';
import { JobName } from '../components/names';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { RelativeTime } from '../components/relative-time';
import { RowLink } from '../components/row-link';
import { Empty, Failed, NoMatch } from '../components/states';
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

function Actions({ thing }: { thing: Thing }) {
  const { name } = thing;
  const [renewed, setRenewed] = useState<Schemas['ThingWithCredentials'] | null>(null);
  const may = useMay();
  const [isEditing, editing] = useDisclosure();
  const [isRenewing, renewing] = useDisclosure();
  const [isRevoking, revoking] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  const path = `/things/${name}`;
  const mayRenew = useMayGiveCredentials(`${path}/credentials`);
  return (
    <>
      <CreateJobButton search={`?${new URLSearchParams({ thing: name }).toString()}`} />
      {may('PATCH', path) && (
        <Button variant="default" leftSection={<IconEdit size={16} aria-hidden />} onClick={editing.open}>
          Edit
        </Button>
      )}
      {mayRenew && (
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
      <Dialog title={`Edit ${name}`} opened={isEditing} onClose={editing.close}>
        <EditThingForm thing={thing} onClose={editing.close} />
      </Dialog>
      <Dialog title={`Renew the credentials of ${name}`} opened={isRenewing} onClose={renewing.close}>
        <RenewForm
          name={name}
          onClose={renewing.close}
          onRenewed={(changed) => {
            renewing.close();
            setRenewed(changed);
          }}
        />
      </Dialog>
      <CredentialsDialog thing={renewed} onClose={() => setRenewed(null)} />
      <Dialog title={`Revoke the credentials of ${name}`} opened={isRevoking} onClose={revoking.close}>
        <RevokeForm name={name} onClose={revoking.close} />
      </Dialog>
      <Dialog title={`Delete ${name}`} opened={isDeleting} onClose={deleting.close}>
        <DeleteForm name={name} onClose={deleting.close} />
      </Dialog>
    </>
  );
}

interface OnThing {
  name: string;
  onClose: () => void;
}

interface RenewProps extends OnThing {
  onRenewed: (thing: Schemas['ThingWithCredentials']) => void;
}

function RenewForm({ name, onClose, onRenewed }: RenewProps) {
  const renew = useCall(
    () => bodyOf(client.POST('/api/v1/things/{name}/credentials', { params: { path: { name } } })),
    { touches: [keys.thing(name)], done: onRenewed },
  );
  return (
    <DialogForm
      action="Renew credentials"
      onSubmit={() => renew.mutate()}
      onClose={onClose}
      isPending={renew.isPending}
      error={renew.error}
    >
      The old ones end at once, and with them the connection that the device may have.
    </DialogForm>
  );
}

function RevokeForm({ name, onClose }: OnThing) {
  const revoke = useCall(
    () => bodyOf(client.DELETE('/api/v1/things/{name}/credentials', { params: { path: { name } } })),
    { touches: [keys.thing(name)], said: `The credentials of ${name} are revoked.`, done: onClose },
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Revoke credentials"
      danger
      onSubmit={() => revoke.mutate()}
      isPending={revoke.isPending}
      error={revoke.error}
    >
      The device is disconnected and cannot connect until its credentials are renewed.
    </DialogForm>
  );
}

function DeleteForm({ name, onClose }: OnThing) {
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
    <DialogForm
      onClose={onClose}
      action="Delete thing"
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      It leaves its groups, its pending executions are removed, and the device can no longer connect. This
      cannot be undone.
    </DialogForm>
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
          <NoMatch what="job" onClear={filters.clear}>
            No job of this thing is in this status.
          </NoMatch>
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
