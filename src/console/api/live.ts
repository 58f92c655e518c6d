/**
 * What happens at Muster, told to the pages: one stream of server-sent events for the whole app. An event says which
 * queries are old now; those are read again, each at most once a second.
 */
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { EVENT_TYPES } from '../../domain/events';
import { touchedBy, type Told } from './touched';

const EVENTS_URL = '/api/v1/events';
const GATHER_MS = 100;
const READ_AGAIN_MS = 1_000;
const REOPEN_MS = 2_000;

/** `away`: it was there, or was asked for, and is not: trying again. */
export type Connection = 'connecting' | 'open' | 'away';

/**
 * Listens until it is told to stop.
 * @param onConnection told of each change of the connection
 * @param onRefused Muster did not let the listener in; it will be asked again, the caller finds out why
 */
export function listen(
  queryClient: QueryClient,
  onConnection: (connection: Connection) => void,
  onRefused: () => void,
): () => void {
  const rereading = createRereading(queryClient);
  let lastEventId: string | undefined;
  let wasAway = false;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let source = open();
  return () => {
    source.close();
    clearTimeout(reopening);
    rereading.stop();
  };

  function open(): EventSource {
    const resume = lastEventId === undefined ? '' : `?${new URLSearchParams({ lastEventId }).toString()}`;
    const opened = new EventSource(EVENTS_URL + resume);
    opened.onopen = () => {
      onConnection('open');
      if (wasAway) readAllAgain();
      wasAway = false;
    };
    opened.onerror = () => {
      wasAway = true;
      onConnection('away');
      // It tries again by itself, but not after an answer that was no stream.
      if (opened.readyState === EventSource.CLOSED) reopen();
    };
    for (const type of EVENT_TYPES) {
      opened.addEventListener(type, ({ data, lastEventId: id }: MessageEvent<string>) => {
        lastEventId = id;
        rereading.add(touchedBy(type, JSON.parse(data) as Told));
      });
    }
    opened.addEventListener('ready', ({ lastEventId: id }: MessageEvent) => (lastEventId = id));
    opened.addEventListener('reset', ({ lastEventId: id }: MessageEvent) => {
      lastEventId = id;
      readAllAgain();
    });
    return opened;
  }

  function reopen(): void {
    onRefused();
    reopening = setTimeout(() => (source = open()), REOPEN_MS);
  }

  function readAllAgain(): void {
    void queryClient.invalidateQueries();
  }
}

/** Gathers what is old. One that is being read already waits for the next round, so that slow answers arrive. */
function createRereading(queryClient: QueryClient) {
  const old = new Map<string, QueryKey>();
  let lastRound = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function plan(): void {
    if (old.size === 0 || timer !== undefined) return;
    timer = setTimeout(round, Math.max(GATHER_MS, lastRound + READ_AGAIN_MS - Date.now()));
  }

  function round(): void {
    timer = undefined;
    lastRound = Date.now();
    for (const [hash, queryKey] of old) {
      if (queryClient.isFetching({ queryKey }) > 0) continue;
      old.delete(hash);
      void queryClient.invalidateQueries({ queryKey });
    }
    plan();
  }

  return {
    add(queryKeys: QueryKey[]): void {
      for (const queryKey of queryKeys) old.set(JSON.stringify(queryKey), queryKey);
      plan();
    },
    stop(): void {
      clearTimeout(timer);
      old.clear();
    },
  };
}
