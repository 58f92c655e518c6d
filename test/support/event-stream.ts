/** A client of the stream of events, as a browser is one: it keeps the id of what it saw last. */
import { eventually } from './eventually';

export interface SeenEvent {
  id: string;
  event: string;
  data: any;
}

export interface Listening {
  status: number;
  /** Everything so far, in order. */
  seen: SeenEvent[];
  /** As it came in. */
  text(): string;
  lastEventId(): string | undefined;
  /** Waits until so many events have come. @returns all of them */
  until(count: number): Promise<SeenEvent[]>;
  /** Resolves when the server has ended the stream. */
  ended: Promise<void>;
  close(): Promise<void>;
}

/** @param url of the stream, with its query */
export async function listen(url: string, headers: Record<string, string>): Promise<Listening> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const seen: SeenEvent[] = [];
  let text = '';
  let lastEventId: string | undefined;
  let left = '';
  const take = (block: string) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    lastEventId = field('id') ?? lastEventId;
    const event = field('event');
    if (event !== undefined)
      seen.push({ id: lastEventId!, event, data: JSON.parse(field('data')!) as unknown });
  };
  const read = async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = (left + chunk).split('\n\n');
      left = blocks.pop()!;
      blocks.forEach(take);
    }
  };
  const ended = read().catch(() => undefined);
  return {
    ...{ status: response.status, seen, ended },
    text: () => text,
    lastEventId: () => lastEventId,
    async until(count) {
      await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(count));
      return seen;
    },
    async close() {
      abort.abort();
      await ended;
    },
  };
}
