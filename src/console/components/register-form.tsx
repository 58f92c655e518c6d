import { TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { bodyOf, client, Refused, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { useMay } from '../api/session';
import { sortErrors } from '../lib/field-errors';
import { useCall } from '../lib/use-call';
import { DialogForm } from './dialog';
import { TypePicker } from './type-picker';

const FIELDS = {
  name: 'name',
  mqttClientId: 'mqttClientId',
  thingTypeName: 'thingTypeName',
  tags: 'tags',
};
const BLAMED = { AlreadyExists: 'name', UnknownThingType: 'thingTypeName' };
const NOTHING = { name: '', mqttClientId: '', thingTypeName: '', tags: [] as string[] };

type Fields = typeof NOTHING;

interface RegisterProps {
  onClose: () => void;
  onRegistered: (thing: Schemas['ThingWithCredentials']) => void;
}

export function RegisterForm({ onClose, onRegistered }: RegisterProps) {
  const mayCreateType = useMay()('POST', '/thing-types');
  const form = useForm<Fields>({
    initialValues: NOTHING,
    validate: { name: (name) => (name.trim() === '' ? 'Enter the name of the thing' : null) },
  });
  const register = useCall((fields: Fields) => registerThing(fields, mayCreateType), {
    touches: [keys.things, keys.groups, keys.overview],
    done: onRegistered,
  });
  const submit = form.onSubmit((values) =>
    register.mutate(values, {
      onError: (error) => form.setErrors(sortErrors(error, FIELDS, BLAMED).fields),
    }),
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Register"
      onSubmit={submit}
      isPending={register.isPending}
      refusal={register.error && sortErrors(register.error, FIELDS, BLAMED).rest}
    >
      <TextInput
        label="Name"
        description="Letters, digits, “:”, “_”, “-” and “.”"
        placeholder="boiler-7"
        required
        data-autofocus
        {...form.getInputProps('name')}
      />
      <TypePicker
        description={
          mayCreateType
            ? 'Optional. A new name makes a new type, with a group of all its things.'
            : 'Optional. One that exists.'
        }
        value={form.values.thingTypeName}
        onChange={(name) => form.setFieldValue('thingTypeName', name)}
        error={form.errors.thingTypeName}
      />
      <TagsInput
        label="Tags"
        description="Optional. Groups may be made of them. Enter ends a tag."
        {...form.getInputProps('tags')}
      />
      <TextInput
        label="MQTT client ID"
        description="Optional. Empty: the name."
        {...form.getInputProps('mqttClientId')}
      />
    </DialogForm>
  );
}

async function registerThing(
  fields: Fields,
  mayCreateType: boolean,
): Promise<Schemas['ThingWithCredentials']> {
  const thingTypeName = fields.thingTypeName.trim();
  const mqttClientId = fields.mqttClientId.trim();
  if (thingTypeName && mayCreateType) await createTypeIfNew(thingTypeName);
  return bodyOf(
    client.POST('/api/v1/things', {
      body: {
        name: fields.name.trim(),
        tags: fields.tags,
        attributes: {},
        ...(thingTypeName && { thingTypeName }),
        ...(mqttClientId && { mqttClientId }),
      },
    }),
  );
}

async function createTypeIfNew(name: string): Promise<void> {
  try {
    await bodyOf(client.POST('/api/v1/thing-types', { body: { name } }));
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'AlreadyExists')) throw error;
  }
}
