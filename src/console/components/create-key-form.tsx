import { ActionIcon, Button, Group, MultiSelect, Radio, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconPlus, IconX } from '@tabler/icons-react';
import { bodyOf, client, type Schemas } from '../api/client';
import { keys } from '../api/keys';
import { useHolds } from '../api/session';
import { sortErrors } from '../lib/field-errors';
import { AREAS, PRESETS, type PresetName } from '../lib/permissions';
import { useCall } from '../lib/use-call';
import { DialogForm } from './dialog';

type Permission = Schemas['Permission'];

interface Fields {
  name: string;
  preset: PresetName | 'CUSTOM';
  custom: Permission[];
}

const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];
const METHODS = [
  { value: 'GET', label: 'Read' },
  { value: 'POST', label: 'Create (POST)' },
  { value: 'PUT', label: 'Add (PUT)' },
  { value: 'PATCH', label: 'Change (PATCH)' },
  { value: 'DELETE', label: 'Delete' },
  { value: '*', label: 'All' },
];
const AREA_OPTIONS = AREAS.map(({ pathPrefix, label }) => ({ value: pathPrefix, label }));
const NEW_PERMISSION: Permission = { methods: ['GET'], pathPrefix: '/api/v1/jobs' };
const FIELDS = { name: 'name', custom: 'permissions' };

interface CreateKeyProps {
  onClose: () => void;
  onCreated: (key: Schemas['ApiKeyWithSecret']) => void;
}

export function CreateKeyForm({ onClose, onCreated }: CreateKeyProps) {
  const form = useForm<Fields>({
    initialValues: { name: '', preset: 'READ_ONLY', custom: [NEW_PERMISSION] },
    validate: {
      custom: (custom, { preset }) =>
        preset === 'CUSTOM' && custom.some(({ methods }) => methods.length === 0)
          ? 'Choose what each permission allows'
          : null,
    },
  });
  const holds = useHolds();
  const create = useCall(
    ({ name, preset, custom }: Fields) =>
      bodyOf(
        client.POST('/api/v1/api-keys', {
          body: {
            ...(name.trim() && { name: name.trim() }),
            permissions: preset === 'CUSTOM' ? custom : PRESETS[preset].permissions,
          },
        }),
      ),
    { touches: [keys.apiKeys], done: onCreated },
  );
  const submit = form.onSubmit((values) =>
    create.mutate(values, { onError: (error) => form.setErrors(sortErrors(error, FIELDS).fields) }),
  );
  return (
    <DialogForm
      onClose={onClose}
      action="Create API key"
      onSubmit={submit}
      isPending={create.isPending}
      refusal={create.error && sortErrors(create.error, FIELDS).rest}
    >
      <TextInput
        label="Name"
        description="Optional. Whose key it is."
        placeholder="dashboard"
        data-autofocus
        {...form.getInputProps('name')}
      />
      <Radio.Group label="Permissions" error={form.errors.custom} {...form.getInputProps('preset')}>
        <Stack gap="xs" mt="xs">
          {PRESET_NAMES.map((preset) => (
            <Radio
              key={preset}
              value={preset}
              label={PRESETS[preset].label}
              description={PRESETS[preset].meaning}
              disabled={!holds(PRESETS[preset].permissions)}
            />
          ))}
          <Radio value="CUSTOM" label="Custom" description="Chosen one by one." />
        </Stack>
      </Radio.Group>
      {form.values.preset === 'CUSTOM' && (
        <CustomPermissions
          value={form.values.custom}
          onChange={(custom) => form.setFieldValue('custom', custom)}
        />
      )}
    </DialogForm>
  );
}

interface CustomPermissionsProps {
  value: Permission[];
  onChange: (permissions: Permission[]) => void;
}

function CustomPermissions({ value, onChange }: CustomPermissionsProps) {
  const change = (index: number, part: Partial<Permission>) =>
    onChange(value.with(index, { ...value[index]!, ...part }));
  return (
    <Stack gap="sm" role="group" aria-label="Custom permissions">
      {value.map(({ methods, pathPrefix }, index) => (
        <Group key={index} wrap="nowrap" align="flex-start" gap="xs">
          <Select
            aria-label={`Area of permission ${index + 1}`}
            data={AREA_OPTIONS}
            value={pathPrefix}
            allowDeselect={false}
            onChange={(chosen) => chosen && change(index, { pathPrefix: chosen })}
            flex="0 0 12rem"
          />
          <MultiSelect
            aria-label={`What permission ${index + 1} allows`}
            data={METHODS}
            value={methods}
            onChange={(chosen) => change(index, { methods: chosen as Permission['methods'] })}
            flex={1}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            mt={4}
            disabled={value.length === 1}
            aria-label={`Take away permission ${index + 1}`}
            onClick={() => onChange(value.toSpliced(index, 1))}
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
          onClick={() => onChange([...value, NEW_PERMISSION])}
        >
          Add a permission
        </Button>
      </Group>
    </Stack>
  );
}
