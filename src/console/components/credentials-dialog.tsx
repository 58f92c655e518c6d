import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Schemas } from '../api/client';
import { aboutQuery } from '../api/queries';
import { CodeBlock } from './code-block';
import { Copy } from './copy';
import { Facts } from './facts';

type ThingWithCredentials = Schemas['ThingWithCredentials'];

interface CredentialsDialogProps {
  /** Null while there is nothing to show. */
  thing: ThingWithCredentials | null;
  onClose: () => void;
}

/** The one time that the password of a thing is seen. Only the button closes it, so that it does not get lost. */
export function CredentialsDialog({ thing, onClose }: CredentialsDialogProps) {
  return (
    <Modal
      title={thing && `Credentials of ${thing.name}`}
      opened={thing !== null}
      onClose={onClose}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      {thing && <Credentials thing={thing} />}
      <Group justify="flex-end" mt="md">
        <Button onClick={onClose}>I have kept the password</Button>
      </Group>
    </Modal>
  );
}

function Credentials({ thing: { name, mqttCredentials } }: { thing: ThingWithCredentials }) {
  const { data: about } = useQuery(aboutQuery);
  const { clientId, username, password } = mqttCredentials;
  return (
    <Stack>
      <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title="The password is shown this once">
        Put it on the device now. Who has lost it renews the credentials.
      </Alert>
      <Facts
        facts={{
          'Client ID': <Secret value={clientId} label="Copy the client ID" />,
          'User name': <Secret value={username} label="Copy the user name" />,
          Password: <Secret value={password} label="Copy the password" />,
        }}
      />
      {about && (
        <>
          Connect with it, here with a client of mosquitto that waits for jobs:
          <CodeBlock
            label="Command that connects the thing"
            code={connecting(about, name, mqttCredentials)}
          />
        </>
      )}
    </Stack>
  );
}

function Secret({ value, label }: { value: string; label: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <span className="mono">{value}</span>
      <Copy value={value} label={label} />
    </Group>
  );
}

function connecting(
  { mqtt }: Schemas['About'],
  thingName: string,
  { clientId, username, password }: ThingWithCredentials['mqttCredentials'],
): string {
  const { protocol, hostname, port } = new URL(mqtt.url ?? 'mqtt://BROKER');
  const isTls = protocol === 'mqtts:';
  return [
    `mosquitto_sub -h ${hostname} -p ${port || (isTls ? 8883 : 1883)}${isTls ? ' --tls-use-os-certs' : ''}`,
    `  -i '${clientId}' -u '${username}' -P '${password}'`,
    `  -c -q 1 -t '${mqtt.topicPrefixes[0]}/${thingName}/jobs/notify-next'`,
  ].join(' \\\n');
}
