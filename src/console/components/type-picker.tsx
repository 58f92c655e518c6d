import { Autocomplete } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { typeNamesQuery } from '../api/queries';

interface TypePickerProps {
  value: string;
  onChange: (name: string) => void;
  description?: ReactNode;
  error?: ReactNode;
}

/** A thing type: one that exists, or the name of a new one. */
export function TypePicker({ value, onChange, description, error }: TypePickerProps) {
  const [asked] = useDebouncedValue(value.trim(), 200);
  const { data = [] } = useQuery(typeNamesQuery(asked));
  return (
    <Autocomplete
      label="Thing type"
      description={description}
      placeholder="com.example.thermostat"
      data={data}
      value={value}
      onChange={onChange}
      error={error}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}
