import { CloseButton, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';

const PAUSE_MS = 250;

interface SearchFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** Tells of what was typed when the typing pauses. */
export function SearchField({ label, value, onChange }: SearchFieldProps) {
  // What is being typed, until the field is left; then it shows what is searched for.
  const [draft, setDraft] = useState<string | null>(null);
  const tell = useDebouncedCallback((typed: string) => onChange(typed.trim()), {
    delay: PAUSE_MS,
    flushOnUnmount: false,
  });
  const type = (typed: string) => {
    setDraft(typed);
    tell(typed);
  };
  const leave = () => {
    tell.flush();
    setDraft(null);
  };
  const clear = () => {
    tell.cancel();
    setDraft(null);
    onChange('');
  };
  const text = draft ?? value;
  return (
    <TextInput
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
      onBlur={leave}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={text && <CloseButton size="sm" aria-label="Clear the search" onClick={clear} />}
      flex="1 1 14rem"
      maw="22rem"
    />
  );
}
