import { Button, Radio, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconTags } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { bodyOf, client, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { groupsQuery } from '../api/queries';
import { useMay } from '../api/session';
import type { Column } from '../components/data-table';
import { Dialog, DialogForm } from '../components/dialog';
import { Listing } from '../components/listing';
import { Page } from '../components/page';
import { Nothing, RelativeTime } from '../components/relative-time';
import { RowLink } from '../components/row-link';
import { SearchField } from '../components/search-field';
import { Empty, NoMatch } from '../components/states';
import { Tags } from '../components/tags';
import { sortErrors } from '../lib/field-errors';
import { KIND_LABELS, KIND_MEANINGS } from '../lib/groups';
import { useFilters, usePaging } from '../lib/search-params';
import { useCall } from '../lib/use-call';

const COLUMNS: Column<Schemas['ThingGroup']>[] = [
  {
    header: 'Name',
    cell: ({ name }) => <RowLink to={`/groups/${encodeURIComponent(name)}`}>{name}</RowLink>,
  },
  { header: 'Kind', cell: ({ kind }) => KIND_LABELS[kind] },
  { header: 'Tags', cell: ({ tags }) => <Tags tags={tags} /> },
  { header: 'Description', width: '30%', cell: ({ description }) => description ?? <Nothing /> },
  { header: 'Created At', cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
];

export function GroupsPage() {
  const [isCreating, creating] = useDisclosure();
  const filters = useFilters(['name']);
  const paging = usePaging();
  const { name } = filters.values;
  const query = useQuery(groupsQuery({ search: name, cursor: paging.cursor }));
  return (
    <Page title="Groups" actions={<CreateButton onClick={creating.open} />}>
      <Listing
        label="Groups"
        query={query}
        columns={COLUMNS}
        rowKey={(group) => group.name}
        paging={paging}
        tools={
          <SearchField
            label="Search by name"
            value={name ?? ''}
            onChange={(value) => filters.set('name', value)}
          />
        }
        empty={
          filters.any ? (
            <NoMatch what="group" onClear={filters.clear}>
              No name of a group holds this.
            </NoMatch>
          ) : (
            <Empty icon={IconTags} title="No groups yet" action={<CreateButton onClick={creating.open} />}>
              A group is what a job targets when it is for more than a few things.
            </Empty>
          )
        }
      />
      <Dialog title="Create group" opened={isCreating} onClose={creating.close}>
        <CreateGroupForm onClose={creating.close} />
      </Dialog>
    </Page>
  );
}

function CreateButton({ onClick }: { onClick: () => void }) {
  const may = useMay();
  if (!may('POST', '/thing-groups')) return null;
  return (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={onClick}>
      Create group
    </Button>
  );
}

const KINDS = ['EXPLICIT', 'DYNAMIC'] as const;
const FIELDS = { name: 'name', description: 'description', tags: 'tags' };
const BLAMED = { AlreadyExists: 'name' };
const NOTHING = {
  name: '',
  description: '',
  kind: 'EXPLICIT' as (typeof KINDS)[number],
  tags: [] as string[],
};

function CreateGroupForm({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const form = useForm({
    initialValues: NOTHING,
    validate: {
      name: (name) => (name.trim() === '' ? 'Enter the name of the group' : null),
      tags: (tags, { kind }) =>
        kind === 'DYNAMIC' && tags.length === 0 ? 'Enter at least one tag; Enter ends a tag' : null,
    },
  });
  const create = useCall(
    ({ name, description, kind, tags }: typeof NOTHING) =>
      bodyOf(
        client.POST('/api/v1/thing-groups', {
          body: {
            name: name.trim(),
            ...(description.trim() && { description: description.trim() }),
            tags: kind === 'DYNAMIC' ? tags : [],
          },
        }),
      ),
    {
      touches: [keys.groups],
      said: ({ name }) => `The group ${name} is created.`,
      done: ({ name }) => void navigate(`/groups/${encodeURIComponent(name)}`),
    },
  );
  const submit = form.onSubmit((values) =>
    create.mutate(values, { onError: (error) => form.setErrors(sortErrors(error, FIELDS, BLAMED).fields) }),
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Create group"
      onSubmit={submit}
      isPending={create.isPending}
      refusal={create.error && sortErrors(create.error, FIELDS, BLAMED).rest}
    >
      <TextInput label="Name" placeholder="pilot" required data-autofocus {...form.getInputProps('name')} />
      <Textarea label="Description" description="Optional" autosize {...form.getInputProps('description')} />
      <Radio.Group label="Kind" {...form.getInputProps('kind')}>
        <Stack gap="xs" mt="xs">
          {KINDS.map((kind) => (
            <Radio key={kind} value={kind} label={KIND_LABELS[kind]} description={KIND_MEANINGS[kind]} />
          ))}
        </Stack>
      </Radio.Group>
      {form.values.kind === 'DYNAMIC' && (
        <TagsInput label="Tags" description="Enter ends a tag" required {...form.getInputProps('tags')} />
      )}
    </DialogForm>
  );
}
