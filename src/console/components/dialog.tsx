import { Button, Group, Modal, Stack, type ModalProps } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { explain, type Explanation } from '../lib/explain';
import { Refusal } from './states';

interface DialogProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** What the button says that does it. */
  action: string;
  /** It takes something away. */
  danger?: boolean;
  onSubmit: () => void;
  isPending: boolean;
  /** What the server said to it: an error, or words for one. */
  error?: Error | null;
  refusal?: Explanation | null;
  size?: ModalProps['size'];
  children: ReactNode;
}

/** Asks before something is done. Enter does it, Esc does not. */
export function Dialog(props: DialogProps) {
  const { title, opened, onClose, action, danger, onSubmit, isPending, error, refusal, size, children } =
    props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Modal title={title} opened={opened} onClose={onClose} size={size}>
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
    </Modal>
  );
}
