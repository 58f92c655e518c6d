import { ActionIcon, Button, Group, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconPlus, IconX } from '@tabler/icons-react';
import { bodyOf, client, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { sortErrors } from '../lib/field-errors';
import { useCall } from '../lib/use-call';
import { DialogForm } from './dialog';
import { TypePicker } from './type-picker';

const FIELDS = { thingTypeName: 'thingTypeName', tags: 'tags', mqttClientId: 'mqttClientId' };
const BLAMED = { UnknownThingType: 'thingTypeName', AlreadyExists: 'mqttClientId' };

interface Fields {
  thingTypeName: string;
  tags: string[];
  mqttClientId: string;
  attributes: { name: string; value: string }[];
}

interface EditThingProps {
  thing: Schemas['Thing'];
  onClose: () => void;
}

export function EditThingForm({ thing, onClose }: EditThingProps) {
  const { name } = thing;
  const form = useForm<Fields>({
    initialValues: {
      thingTypeName: thing.thingTypeName ?? '',
      tags: thing.tags,
      mqttClientId: thing.mqttClientId,
      attributes: Object.entries(thing.attributes).map(([key, value]) => ({ name: key, value })),
    },
  });
  const change = useCall(
    (body: Schemas['ThingChanges']) =>
      bodyOf(client.PATCH('/api/v1/things/{name}', { params: { path: { name } }, body })),
    { touches: [keys.thing(name), keys.things, keys.groups], said: `${name} is changed.`, done: onClose },
  );
  const submit = form.onSubmit((fields) =>
    change.mutate(changesIn(fields), {
      onError: (error) => form.setErrors(sortErrors(error, FIELDS, BLAMED).fields),
    }),
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Save"
      onSubmit={submit}
      isPending={change.isPending}
      refusal={change.error && sortErrors(change.error, FIELDS, BLAMED).rest}
    >
      <TagsInput
        label="Tags"
        description="Membership of dynamic groups follows them. Enter ends a tag."
        data-autofocus
        {...form.getInputProps('tags')}
      />
      <TypePicker
        description="Empty: no type."
        value={form.values.thingTypeName}
        onChange={(type) => form.setFieldValue('thingTypeName', type)}
        error={form.errors.thingTypeName}
      />
      <TextInput
        label="MQTT client ID"
        description="Another one ends the present connection."
        {...form.getInputProps('mqttClientId')}
      />
      <Attributes form={form} />
    </DialogForm>
  );
}

function Attributes({ form }: { form: ReturnType<typeof useForm<Fields>> }) {
  return (
    <Stack gap="xs" role="group" aria-label="Attributes">
      <Text size="sm" fw={500}>
        Attributes
      </Text>
      {form.values.attributes.map((_attribute, index) => (
        <Group key={index} wrap="nowrap" gap="xs">
          <TextInput
            aria-label={`Name of attribute ${index + 1}`}
            placeholder="Name"
            flex={1}
            {...form.getInputProps(`attributes.${index}.name`)}
          />
          <TextInput
            aria-label={`Value of attribute ${index + 1}`}
            placeholder="Value"
            flex={1}
            {...form.getInputProps(`attributes.${index}.value`)}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Take away attribute ${index + 1}`}
            onClick={() => form.removeListItem('attributes', index)}
          >
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Group>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => form.insertListItem('attributes', { name: '', value: '' })}
        >
          Add an attribute
        </Button>
      </Group>
    </Stack>
  );
}

const changesIn = ({ thingTypeName, tags, mqttClientId, attributes }: Fields): Schemas['ThingChanges'] => ({
  thingTypeName: thingTypeName.trim() || null,
  tags,
  mqttClientId: mqttClientId.trim(),
  attributes: Object.fromEntries(
    attributes.filter(({ name }) => name.trim() !== '').map(({ name, value }) => [name.trim(), value]),
  ),
});
