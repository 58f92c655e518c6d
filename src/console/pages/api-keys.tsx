import { ActionIcon, Alert, Button, Group, Modal, Stack, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle, IconKey, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { bodyOf, client, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { apiKeysQuery } from '../api/queries';
import { useHolds, useMay, useSession } from '../api/session';
import { CodeBlock } from '../components/code-block';
import { CreateKeyForm } from '../components/create-key-form';
import { tableClasses, type Column } from '../components/data-table';
import { Dialog, DialogForm } from '../components/dialog';
import { Listing } from '../components/listing';
import { Page } from '../components/page';
import { Nothing, RelativeTime } from '../components/relative-time';
import { Empty } from '../components/states';
import { permissionsInWords } from '../lib/permissions';
import { usePaging } from '../lib/search-params';
import { useCall } from '../lib/use-call';

type ApiKey = Schemas['ApiKey'];

const COLUMNS: Column<ApiKey>[] = [
  { header: 'Name', cell: ({ name }) => name ?? <Nothing /> },
  { header: 'Key', cell: ({ apiKey }) => <span className="mono">{apiKey}</span> },
  { header: 'Permissions', width: '35%', cell: ({ permissions }) => permissionsInWords(permissions) },
  { header: 'Created At', cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
];

export function ApiKeysPage() {
  const may = useMay();
  const holds = useHolds();
  const paging = usePaging();
  const query = useQuery(apiKeysQuery({ cursor: paging.cursor }));
  const [isCreating, creating] = useDisclosure();
  const [created, setCreated] = useState<Schemas['ApiKeyWithSecret'] | null>(null);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const create = may('POST', '/api-keys') && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={creating.open}>
      Create API key
    </Button>
  );
  return (
    <Page title="API keys" actions={create}>
      <Listing
        label="API keys"
        query={query}
        columns={may('DELETE', '/api-keys/any') ? [...COLUMNS, revocation(setRevoked, holds)] : COLUMNS}
        rowKey={({ apiKey }) => apiKey}
        paging={paging}
        empty={
          <Empty icon={IconKey} title="No API keys" action={create}>
            A key lets a person or a program in, with the permissions that it needs.
          </Empty>
        }
      />
      <Dialog title="Create API key" opened={isCreating} onClose={creating.close} size="lg">
        <CreateKeyForm
          onClose={creating.close}
          onCreated={(key) => {
            creating.close();
            setCreated(key);
          }}
        />
      </Dialog>
      <SecretDialog created={created} onClose={() => setCreated(null)} />
      <Dialog
        title={revoked ? `Revoke ${revoked.name ?? revoked.apiKey}` : ''}
        opened={revoked !== null}
        onClose={() => setRevoked(null)}
      >
        {revoked && <RevokeForm revoked={revoked} onClose={() => setRevoked(null)} />}
      </Dialog>
    </Page>
  );
}

const revocation = (revoke: (key: ApiKey) => void, holds: ReturnType<typeof useHolds>): Column<ApiKey> => ({
  header: 'Actions',
  quiet: true,
  align: 'right',
  cell: (key) =>
    holds(key.permissions) && (
      <Tooltip label="Revoke">
        <ActionIcon
          className={tableClasses.above}
          variant="subtle"
          color="gray"
          aria-label={`Revoke ${key.name ?? key.apiKey}`}
          onClick={() => revoke(key)}
        >
          <IconTrash size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    ),
});

interface SecretDialogProps {
  /** Null while there is nothing to show. */
  created: Schemas['ApiKeyWithSecret'] | null;
  onClose: () => void;
}

function SecretDialog({ created, onClose }: SecretDialogProps) {
  return (
    <Modal
      title={created && `API key ${created.name ?? created.apiKey}`}
      opened={created !== null}
      onClose={onClose}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      {created && (
        <Stack>
          <Alert
            color="yellow"
            icon={<IconAlertTriangle aria-hidden />}
            title="The secret is shown this once"
          >
            Keep it now. Who has lost it makes another key and revokes this one.
          </Alert>
          Key and secret, as the sign-in page and the command line take them:
          <CodeBlock label="Key and secret" code={`${created.apiKey}:${created.apiSecret}`} />
          <Group justify="flex-end">
            <Button onClick={onClose}>I have kept the secret</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function RevokeForm({ revoked: { apiKey, name }, onClose }: { revoked: ApiKey; onClose: () => void }) {
  const isOwn = useSession().apiKey === apiKey;
  const revoke = useCall(
    () => bodyOf(client.DELETE('/api/v1/api-keys/{apiKey}', { params: { path: { apiKey } } })),
    { touches: [keys.apiKeys, keys.session], said: `${name ?? apiKey} is revoked.`, done: onClose },
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Revoke"
      danger
      onSubmit={() => revoke.mutate()}
      isPending={revoke.isPending}
      error={revoke.error}
    >
      {isOwn
        ? 'This is the key that you have signed in with: you will be signed out at once.'
        : 'Who uses it is locked out from the next request on. This cannot be undone.'}
    </DialogForm>
  );
}
