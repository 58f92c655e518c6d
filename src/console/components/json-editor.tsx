import { Input, Skeleton } from '@mantine/core';
import { useId } from '@mantine/hooks';
import { lazy, Suspense, type ReactNode } from 'react';

const Code = lazy(() => import('./json-code'));

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
          value={value}
          onChange={onChange}
          labelledBy={`${id}-label`}
          describedBy={error ? `${id}-error` : undefined}
        />
      </Suspense>
    </Input.Wrapper>
  );
}
