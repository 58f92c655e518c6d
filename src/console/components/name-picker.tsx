import { Combobox, Loader, Pill, PillsInput, ScrollArea, useCombobox } from '@mantine/core';
import { useDebouncedValue, useId } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ClipboardEvent, type KeyboardEvent, type ReactNode } from 'react';
import type { thingNamesQuery } from '../api/queries';
import { number } from '../lib/numbers';

const PAUSE_MS = 200;
/** A job may name 10,000 things; so many of them are drawn. */
const PILLS_SHOWN = 40;

interface NamePickerProps {
  label: string;
  description?: ReactNode;
  placeholder: string;
  /** Names that begin with what was typed. */
  suggest: typeof thingNamesQuery;
  value: readonly string[];
  onChange: (names: string[]) => void;
  /** What was typed and is not chosen yet: a form must not go without it. */
  typed: string;
  onType: (text: string) => void;
  error?: ReactNode;
}

/** @returns what to say of text that was typed and not chosen; null where there is none */
export const leftOver = (typed: string): string | null =>
  typed.trim() === '' ? null : `“${typed.trim()}” is not chosen yet: press Enter to choose it, or clear it`;

/** Chooses several of very many names: search as you type, or paste a list. */
export function NamePicker(props: NamePickerProps) {
  const { label, description, placeholder, suggest, value, onChange, typed, onType, error } = props;
  const id = useId();
  const [asked] = useDebouncedValue(typed.trim(), PAUSE_MS);
  const queryClient = useQueryClient();
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const { data, isFetching, isError } = useQuery({ ...suggest(asked), enabled: combobox.dropdownOpened });
  const chosen = new Set(value);
  const offered = (data ?? []).filter((name) => !chosen.has(name));

  const add = (names: readonly string[]) => {
    onChange([...new Set([...value, ...names])]);
    onType('');
  };
  /** What was typed where it is a name, or the only name that begins so. */
  const takeMatch = async () => {
    const text = typed.trim();
    const names = await queryClient.fetchQuery(suggest(text));
    const [only] = names.length === 1 ? names : names.filter((name) => name === text);
    if (only === undefined) return;
    add([only]);
    combobox.closeDropdown();
  };
  const takeAway = (name: string) => onChange(value.filter((one) => one !== name));
  const paste = (event: ClipboardEvent) => {
    const names = namesIn(event.clipboardData.getData('text'));
    if (names.length < 2) return;
    event.preventDefault();
    add(names);
  };
  const press = (event: KeyboardEvent) => {
    // Enter chooses a name, the marked one before all; it never sends the form off.
    if (event.key === 'Enter') {
      event.preventDefault();
      const isMarked = combobox.dropdownOpened && combobox.getSelectedOptionIndex() !== -1;
      if (!isMarked && typed.trim() !== '') void takeMatch().catch(() => undefined);
    }
    if (event.key === 'Backspace' && typed === '' && value.length > 0) takeAway(value.at(-1)!);
  };

  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(name) => {
        add([name]);
        combobox.closeDropdown();
      }}
      transitionProps={{ duration: 0 }}
      withinPortal={false}
    >
      <Combobox.DropdownTarget>
        <PillsInput
          label={label}
          description={description}
          error={error}
          id={id}
          onClick={() => combobox.openDropdown()}
          rightSection={isFetching && combobox.dropdownOpened ? <Loader size={14} /> : null}
        >
          <Pill.Group>
            {value.slice(0, PILLS_SHOWN).map((name) => (
              <Pill
                key={name}
                withRemoveButton
                onRemove={() => takeAway(name)}
                removeButtonProps={{ 'aria-label': `Take away ${name}`, 'aria-hidden': false, tabIndex: 0 }}
              >
                {name}
              </Pill>
            ))}
            {value.length > PILLS_SHOWN && <Pill>and {number(value.length - PILLS_SHOWN)} more</Pill>}
            <Combobox.EventsTarget>
              <PillsInput.Field
                id={id}
                value={typed}
                placeholder={value.length === 0 ? placeholder : undefined}
                onFocus={() => combobox.openDropdown()}
                onBlur={() => combobox.closeDropdown()}
                onChange={(event) => {
                  combobox.openDropdown();
                  combobox.updateSelectedOptionIndex();
                  onType(event.currentTarget.value);
                }}
                onPaste={paste}
                onKeyDown={press}
              />
            </Combobox.EventsTarget>
          </Pill.Group>
        </PillsInput>
      </Combobox.DropdownTarget>
      <Combobox.Dropdown hidden={!data && !isError}>
        <Combobox.Options aria-label={label}>
          <ScrollArea.Autosize mah={260} type="scroll">
            {offered.map((name) => (
              <Combobox.Option key={name} value={name}>
                {name}
              </Combobox.Option>
            ))}
          </ScrollArea.Autosize>
          {offered.length === 0 && (
            <Combobox.Empty>{isError ? 'The names could not be read.' : nothing(asked)}</Combobox.Empty>
          )}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

const nothing = (asked: string) => (asked === '' ? 'No more to choose from' : `No name holds “${asked}”`);

/** A list from elsewhere: one a line, or with commas between. */
const namesIn = (text: string): string[] =>
  text
    .split(/[\n,;\t]+/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
