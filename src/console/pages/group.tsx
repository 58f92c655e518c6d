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
import { leftOver, NamePicker } from '../components/name-picker';
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
  const [typed, setTyped] = useState('');
  const [left, setLeft] = useState<string | null>(null);
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
  const submit = () => {
    const unchosen = leftOver(typed);
    setLeft(unchosen);
    if (unchosen === null && names.length > 0) add.mutate();
  };
  return (
    <DialogForm
      onClose={onClose}
      action="Add"
      onSubmit={submit}
      isPending={add.isPending}
      refusal={refusal?.rest}
    >
      <NamePicker
        label="Things"
        placeholder="Type a part of a name, or paste a list"
        suggest={thingNamesQuery}
        value={names}
        onChange={setNames}
        typed={typed}
        onType={(text) => {
          setTyped(text);
          setLeft(null);
        }}
        error={left ?? refusal?.fields.names}
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
  const [leaving, setLeaving] = useState<string | null>(null);
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
          onClick={() => setLeaving(thing.name)}
        >
          <IconX size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    ),
  };
  const mayRemove = isByHand(group) && may('DELETE', `${pathOf(group)}/things/any`);
  return (
    <>
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
      <Dialog
        title={`Take ${leaving ?? 'it'} out of ${name}`}
        opened={leaving !== null}
        onClose={() => setLeaving(null)}
      >
        <LeaveForm group={group} thingName={leaving ?? ''} onClose={() => setLeaving(null)} />
      </Dialog>
    </>
  );
}

function LeaveForm({ group: { name }, thingName, onClose }: OnGroup & { thingName: string }) {
  const remove = useCall(
    () =>
      bodyOf(
        client.DELETE('/api/v1/thing-groups/{name}/things/{thingName}', {
          params: { path: { name, thingName } },
        }),
      ),
    { touches: [keys.group(name)], said: `${thingName} is out of ${name}.`, done: onClose },
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Take out"
      danger
      onSubmit={() => remove.mutate()}
      isPending={remove.isPending}
      error={remove.error}
    >
      Continuous jobs for this group take back what is still queued for {thingName}, unless it belongs to
      another of their groups. What it is at work on, it may finish.
    </DialogForm>
  );
}
