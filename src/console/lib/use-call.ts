import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { explain } from './explain';

interface Effects<T> {
  /** What is to be read again. */
  touches: readonly QueryKey[];
  /** Told when it is done. */
  said?: string | ((result: T) => string);
  done?: (result: T) => void;
  /** Says failures in a corner, where nothing else on the page does. */
  sayFailures?: boolean;
}

/** A call that changes something. */
export function useCall<V, T>(call: (value: V) => Promise<T>, effects: Effects<T>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: (result) => {
      for (const queryKey of effects.touches) void queryClient.invalidateQueries({ queryKey });
      const said = typeof effects.said === 'function' ? effects.said(result) : effects.said;
      if (said) notifications.show({ message: said, color: 'green' });
      effects.done?.(result);
    },
    onError: (error) => {
      if (effects.sayFailures) sayFailure(error);
    },
  });
}

export function sayFailure(error: unknown): void {
  const { title, detail } = explain(error);
  notifications.show({ title, message: detail, color: 'red', autoClose: 10_000 });
}
