import { Button, TagsInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDevices, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Schemas } from '../api/client';
import { thingsQuery, typeNamesQuery } from '../api/queries';
import { useMayGiveCredentials } from '../api/session';
import { CredentialsDialog } from '../components/credentials-dialog';
import { Dialog } from '../components/dialog';
import { FilterSelect } from '../components/filter-select';
import { Listing } from '../components/listing';
import { Page } from '../components/page';
import { RegisterForm } from '../components/register-form';
import { SearchField } from '../components/search-field';
import { Empty, NoMatch } from '../components/states';
import { THING_COLUMNS } from '../components/thing-columns';
import { oneOf, useFilters, usePaging } from '../lib/search-params';

const CONNECTIONS = ['online', 'offline'] as const;
const CONNECTION_OPTIONS = [
  { value: 'online', label: 'Online' },
  { value: 'offline', label: 'Not online' },
] as const;
/** Between tags in the address. */
const SEPARATOR = '\n';

export function ThingsPage() {
  const [isRegistering, registering] = useDisclosure();
  const [registered, setRegistered] = useState<Schemas['ThingWithCredentials'] | null>(null);
  const filters = useFilters(['name', 'type', 'tags', 'connection']);
  const paging = usePaging();
  const { name, type } = filters.values;
  const tags = filters.values.tags?.split(SEPARATOR) ?? [];
  const connection = oneOf(CONNECTIONS, filters.values.connection);
  const query = useQuery(
    thingsQuery({
      search: name,
      thingTypeName: type,
      tag: tags.length > 0 ? tags : undefined,
      connected: connection && connection === 'online',
      cursor: paging.cursor,
    }),
  );
  return (
    <Page title="Things" actions={<RegisterButton onClick={registering.open} />}>
      <Listing
        label="Things"
        query={query}
        columns={THING_COLUMNS}
        rowKey={(thing) => thing.name}
        paging={paging}
        tools={
          <>
            <SearchField
              label="Search by name"
              value={name ?? ''}
              onChange={(value) => filters.set('name', value)}
            />
            <TypeFilter value={type} onChange={(value) => filters.set('type', value)} />
            <FilterSelect
              label="Connection"
              options={CONNECTION_OPTIONS}
              value={connection}
              onChange={(value) => filters.set('connection', value)}
            />
            <TagsInput
              aria-label="Tags"
              placeholder={tags.length === 0 ? 'Tags' : undefined}
              value={tags}
              onChange={(value) => filters.set('tags', value.join(SEPARATOR))}
              clearable
              clearButtonProps={{ 'aria-label': 'Clear the filter Tags' }}
              w="12rem"
            />
          </>
        }
        empty={
          filters.any ? (
            <NoMatch what="thing" onClear={filters.clear}>
              No thing is like that. It must carry all of the tags.
            </NoMatch>
          ) : (
            <Empty
              icon={IconDevices}
              title="No things yet"
              action={<RegisterButton onClick={registering.open} />}
            >
              A thing is a registered device. Registering one gives the credentials that it connects with.
            </Empty>
          )
        }
      />
      <Dialog title="Register a thing" opened={isRegistering} onClose={registering.close}>
        <RegisterForm
          onClose={registering.close}
          onRegistered={(thing) => {
            registering.close();
            setRegistered(thing);
          }}
        />
      </Dialog>
      <CredentialsDialog thing={registered} onClose={() => setRegistered(null)} />
    </Page>
  );
}

function RegisterButton({ onClick }: { onClick: () => void }) {
  if (!useMayGiveCredentials('/things')) return null;
  return (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={onClick}>
      Register a thing
    </Button>
  );
}

function TypeFilter({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (type: string | null) => void;
}) {
  const { data = [] } = useQuery(typeNamesQuery(''));
  const names = value === undefined || data.includes(value) ? data : [value, ...data];
  return (
    <FilterSelect
      label="Thing type"
      options={names.map((name) => ({ value: name, label: name }))}
      value={value}
      onChange={onChange}
    />
  );
}
