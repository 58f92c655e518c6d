import { Button, Group, Modal, Stack, type ModalProps } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { explain, type Explanation } from '../lib/explain';
import { Refusal } from './states';

interface DialogProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  size?: ModalProps['size'];
  /** A form of its own: it begins anew each time. */
  children: ReactNode;
}

/** Asks before something is done. */
export function Dialog({ title, opened, onClose, size, children }: DialogProps) {
  return (
    <Modal title={title} opened={opened} onClose={onClose} size={size}>
      {children}
    </Modal>
  );
}

interface DialogFormProps {
  /** What the button says that does it. */
  action: string;
  /** It takes something away. */
  danger?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  isPending: boolean;
  /** What the server said to it: an error, or words for one. */
  error?: Error | null;
  refusal?: Explanation | null;
  children: ReactNode;
}

/** What stands in a dialog. Enter does it, Esc does not. */
export function DialogForm(props: DialogFormProps) {
  const { action, danger, onSubmit, onClose, isPending, error, refusal, children } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {children}
        <Refusal explanation={refusal ?? (error ? explain(error) : null)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" color={danger ? 'red.9' : undefined} loading={isPending}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
