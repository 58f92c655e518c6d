import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useState, type ReactNode } from 'react';
import { keys } from './keys';
import { listen, type Connection } from './live';
import { useMay } from './session';

/** A key that may not listen looks again by itself. */
const LOOK_AGAIN_MS = 15_000;

const ConnectionContext = createContext<Connection>('connecting');

/** Keeps what the pages show in step with Muster, as long as somebody is signed in. */
export function Live({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const mayListen = useMay()('GET', '/events');
  const [connection, setConnection] = useState<Connection>('connecting');
  useEffect(() => {
    if (mayListen) {
      // Who has been refused may have lost the session: asking for it leads to the sign-in page.
      const findOutWhy = () => void queryClient.invalidateQueries({ queryKey: keys.session });
      return listen(queryClient, setConnection, findOutWhy);
    }
    const looking = setInterval(() => void queryClient.invalidateQueries(), LOOK_AGAIN_MS);
    return () => clearInterval(looking);
  }, [queryClient, mayListen]);
  return <ConnectionContext value={connection}>{children}</ConnectionContext>;
}

export function useConnection(): Connection {
  return use(ConnectionContext);
}
