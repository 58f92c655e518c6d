import { ActionIcon, Button, Skeleton, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDevices, IconTrash, IconUserPlus, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { bodyOf, client, Refused, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { groupQuery, thingNamesQuery, thingsOfGroupQuery } from '../api/queries';
import { useMay } from '../api/session';
import { tableClasses, type Column } from '../components/data-table';
import { Dialog, DialogForm } from '../components/dialog';
import { Facts } from '../components/facts';
import { Listing } from '../components/listing';
import { NamePicker } from '../components/name-picker';
import { Page } from '../components/page';
import { Panel } from '../components/panel';
import { RelativeTime } from '../components/relative-time';
import { Empty, Failed } from '../components/states';
import { Tags } from '../components/tags';
import { THING_COLUMNS } from '../components/thing-columns';
import { sortErrors } from '../lib/field-errors';
import { KIND_LABELS, KIND_MEANINGS } from '../lib/groups';
import { number } from '../lib/numbers';
import { usePaging } from '../lib/search-params';
import { useCall } from '../lib/use-call';
import { CreateJobButton } from './jobs';

type Group = Schemas['ThingGroupDetail'];

const ABOVE = { title: 'Groups', to: '/groups' };

export function GroupPage() {
  const { name = '' } = useParams();
  const { data: group, error, refetch } = useQuery(groupQuery(name));
  const isGone = error instanceof Refused && error.status === 404;
  return (
    <Page title={name} above={ABOVE} actions={group && <Actions group={group} />}>
      {error && (!group || isGone) ? (
        <Panel>
          <Failed error={error} retry={isGone ? undefined : () => void refetch()} />
        </Panel>
      ) : group ? (
        <>
          <About group={group} />
          <Members group={group} />
        </>
      ) : (
        <Skeleton height={200} aria-label="Loading" />
      )}
    </Page>
  );
}

function About({ group }: { group: Group }) {
  return (
    <Panel padded>
      <Facts
        facts={{
          Kind: `${KIND_LABELS[group.kind]}: ${KIND_MEANINGS[group.kind]}`,
          'Thing type': group.thingTypeName ?? undefined,
          Tags: group.tags.length > 0 ? <Tags tags={group.tags} /> : undefined,
          Description: group.description ?? undefined,
          Things: number(group.thingCount),
          'Created At': <RelativeTime at={group.createdAt} />,
        }}
      />
    </Panel>
  );
}

const pathOf = ({ name }: Group) => `/thing-groups/${encodeURIComponent(name)}`;
/** Members of the others follow from tags and types. */
const isByHand = ({ kind }: Group) => kind === 'EXPLICIT';

function Actions({ group }: { group: Group }) {
  const may = useMay();
  const [isAdding, adding] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  return (
    <>
      <CreateJobButton search={`?${new URLSearchParams({ group: group.name }).toString()}`} />
      {isByHand(group) && may('POST', `${pathOf(group)}/things`) && (
        <Button variant="default" leftSection={<IconUserPlus size={16} aria-hidden />} onClick={adding.open}>
          Add things
        </Button>
      )}
      {may('DELETE', deletionPath(group)) && (
        <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={deleting.open}>
          {group.kind === 'TYPE' ? 'Delete thing type' : 'Delete group'}
        </Button>
      )}
      <Dialog title={`Add things to ${group.name}`} opened={isAdding} onClose={adding.close}>
        <AddForm group={group} onClose={adding.close} />
      </Dialog>
      <Dialog
        title={`Delete ${group.thingTypeName ?? group.name}`}
        opened={isDeleting}
        onClose={deleting.close}
      >
        <DeleteForm group={group} onClose={deleting.close} />
      </Dialog>
    </>
  );
}

/** The group of a type goes with its type. */
const deletionPath = (group: Group) =>
  group.thingTypeName === null ? pathOf(group) : `/thing-types/${encodeURIComponent(group.thingTypeName)}`;

interface OnGroup {
  group: Group;
  onClose: () => void;
}

function AddForm({ group: { name }, onClose }: OnGroup) {
  const [names, setNames] = useState<string[]>([]);
  const add = useCall(
    () =>
      bodyOf(
        client.POST('/api/v1/thing-groups/{name}/things', {
          params: { path: { name } },
          body: { add: names, remove: [] },
        }),
      ),
    { touches: [keys.group(name)], said: `Things are added to ${name}.`, done: onClose },
  );
  const refusal = add.error && sortErrors(add.error, { names: 'add' });
  return (
    <DialogForm
      onClose={onClose}
      action="Add"
      onSubmit={() => names.length > 0 && add.mutate()}
      isPending={add.isPending}
      refusal={refusal?.rest}
    >
      <NamePicker
        label="Things"
        placeholder="Type a part of a name, or paste a list"
        suggest={thingNamesQuery}
        value={names}
        onChange={setNames}
        error={refusal?.fields.names}
      />
    </DialogForm>
  );
}

function DeleteForm({ group, onClose }: OnGroup) {
  const navigate = useNavigate();
  const { name, thingTypeName } = group;
  const remove = useCall(
    () =>
      thingTypeName === null
        ? bodyOf(client.DELETE('/api/v1/thing-groups/{name}', { params: { path: { name } } }))
        : bodyOf(client.DELETE('/api/v1/thing-types/{name}', { params: { path: { name: thingTypeName } } })),
    {
      touches: [keys.groups],
      said: `${thingTypeName ?? name} is deleted.`,
      done: () => void navigate('/groups'),
    },
  );
  return (
    <DialogForm
      onClose={onClose}
      action={thingTypeName === null ? 'Delete group' : 'Delete thing type'}
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      {thingTypeName === null
        ? 'Its things stay. Continuous jobs that target it take their work away from things that are in no other target group.'
        : 'The type and its group go away. That takes that no thing has this type any more.'}
    </DialogForm>
  );
}

function Members({ group }: { group: Group }) {
  const { name } = group;
  const may = useMay();
  const paging = usePaging();
  const query = useQuery(thingsOfGroupQuery(name, { cursor: paging.cursor }));
  const remove = useCall(
    (thingName: string) =>
      bodyOf(
        client.DELETE('/api/v1/thing-groups/{name}/things/{thingName}', {
          params: { path: { name, thingName } },
        }),
      ),
    { touches: [keys.group(name)], sayFailures: true },
  );
  const removal: Column<Schemas['Thing']> = {
    header: 'Actions',
    quiet: true,
    align: 'right',
    cell: (thing) => (
      <Tooltip label="Take it out of the group">
        <ActionIcon
          className={tableClasses.above}
          variant="subtle"
          color="gray"
          aria-label={`Take ${thing.name} out of the group`}
          loading={remove.isPending && remove.variables === thing.name}
          onClick={() => remove.mutate(thing.name)}
        >
          <IconX size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    ),
  };
  const mayRemove = isByHand(group) && may('DELETE', `${pathOf(group)}/things/any`);
  return (
    <Listing
      label={`Things in ${name}`}
      query={query}
      columns={mayRemove ? [...THING_COLUMNS, removal] : THING_COLUMNS}
      rowKey={(thing) => thing.name}
      paging={paging}
      empty={
        <Empty icon={IconDevices} title="No things in this group">
          {isByHand(group) ? 'Add things to make it useful as a target.' : KIND_MEANINGS[group.kind]}
        </Empty>
      }
    />
  );
}
