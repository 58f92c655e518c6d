import { Input, Skeleton } from '@mantine/core';
import { useId } from '@mantine/hooks';
import { Suspense, type ReactNode } from 'react';
import { lazyAgain } from '../lib/lazy-again';
import classes from './json-editor.module.css';

const Code = lazyAgain(() => import('./json-code'));

interface JsonEditorProps {
  label: string;
  description: ReactNode;
  value: string;
  onChange: (text: string) => void;
  error?: ReactNode;
}

export function JsonEditor({ label, description, value, onChange, error }: JsonEditorProps) {
  const id = useId();
  return (
    <Input.Wrapper
      label={label}
      description={description}
      error={error}
      withAsterisk
      labelElement="div"
      labelProps={{ id: `${id}-label` }}
      errorProps={{ id: `${id}-error`, role: 'alert' }}
    >
      <Suspense fallback={<Skeleton height={220} mt={4} aria-label="The editor is loading" />}>
        <Code
          className={classes.editor}
          value={value}
          onChange={onChange}
          labelledBy={`${id}-label`}
          describedBy={error ? `${id}-error` : undefined}
        />
      </Suspense>
    </Input.Wrapper>
  );
}
