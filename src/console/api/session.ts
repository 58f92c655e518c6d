/** Who has signed in, and what they may do. */
import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { missingPermissions, permits, SPEAKING_FOR_THINGS, type Permission } from '../../domain/permissions';
import { bodyOf, client, setCsrfToken, type Schemas } from './client';
import { keys } from './keys';
import { sessionQuery } from './queries';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Whether the session's key permits a call; `path` stands under `/api/v1`. */
export type May = (method: Method, path: string) => boolean;

/** @returns the session; pages are shown only where there is one */
export function useSession(): Schemas['Session'] {
  const { data } = useSuspenseQuery(sessionQuery);
  if (!data) throw new Error('There is no session.');
  return data;
}

export function useMay(): May {
  const { permissions } = useSession();
  return (method, path) => permits(permissions, method, `/api/v1${path}`);
}

/** Whether the session's key has all of these rights, so that it may give them to another key or take them away. */
export function useHolds(): (rights: readonly Permission[]) => boolean {
  const { permissions } = useSession();
  return (rights) => missingPermissions(permissions, rights).length === 0;
}

/** Whether the session's key may make a call that answers with credentials of a thing. */
export function useMayGiveCredentials(path: string): boolean {
  const [may, holds] = [useMay(), useHolds()];
  return may('POST', path) && holds([SPEAKING_FOR_THINGS]);
}

export function useSignIn() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (credentials: Schemas['NewSession']) =>
      bodyOf(client.POST('/api/v1/session', { body: credentials })),
    onSuccess: (session) => {
      queryClient.clear();
      setCsrfToken(session.csrfToken);
      queryClient.setQueryData(keys.session, session);
    },
  });
}

export function useSignOut() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => bodyOf(client.DELETE('/api/v1/session')),
    onSuccess: () => {
      setCsrfToken(null);
      queryClient.setQueryData(keys.session, null);
    },
  });
}
