import { Select } from '@mantine/core';

interface FilterSelectProps<T extends string> {
  /** What it filters by; also shown as long as nothing is chosen. */
  label: string;
  options: readonly { value: T; label: string }[];
  value: T | undefined;
  onChange: (value: T | null) => void;
}

export function FilterSelect<T extends string>({ label, options, value, onChange }: FilterSelectProps<T>) {
  return (
    <Select
      aria-label={label}
      placeholder={label}
      data={options}
      value={value ?? null}
      onChange={(chosen) => onChange(chosen)}
      clearable
      clearButtonProps={{ 'aria-label': `Clear the filter ${label}` }}
      flex="0 1 11rem"
      miw="8rem"
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}
