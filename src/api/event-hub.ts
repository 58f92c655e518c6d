/**
 * Tells everybody who listens in this process what happens in the whole of Muster: reads the events of the store,
 * once for all, and only while somebody listens.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Response } from 'express';
import type { Logger } from 'pino';
import { MusterError } from '../contract/errors';
import { comparePositions, parsePosition, type Position } from '../domain/events';
import type { Db } from '../store/database';
import { eventsAfter, latestPosition, resumptionFault } from '../store/events';
import {
  heartbeatText,
  openStream,
  toOutgoing,
  toText,
  type EventStream,
  type OutgoingEvent,
} from './event-stream';

const MAX_LISTENERS = 1_000;
const POLL_EVERY_MS = 250;
/** Where the store is out of reach. */
const RETRY_AFTER_MS = 2_000;
const READ_AT_ONCE = 1_000;
const HEARTBEAT_EVERY_MS = 15_000;
/** Who catches up has so long to read a page. */
const CATCH_UP_LIMIT_MS = 30_000;

export interface ListenRequest {
  response: Response;
  /** Only what concerns this job. */
  jobId?: string;
  /** Id of the last event that the client has seen. */
  lastEventId?: string;
  /** Asked with each heartbeat. */
  mayStillListen(): Promise<boolean>;
}

export interface EventHubOptions {
  db: Db;
  log: Logger;
  /** Of this process; default 1,000. */
  maxListeners?: number;
  /** Milliseconds; default 15 s. */
  heartbeatEveryMs?: number;
}

export interface EventHub {
  /**
   * Resolves when the stream is open.
   * @throws MusterError ServiceUnavailable where too many listen already
   */
  listen(request: ListenRequest): Promise<void>;
  /** Ends all streams: their clients come back by themselves. */
  stop(): void;
}

interface Listener extends Pick<ListenRequest, 'jobId' | 'mayStillListen'> {
  stream: EventStream;
  /** Up to here it has been sent everything. */
  position: Position;
  /** Whether it has caught up, so that what is read for all is sent to it. */
  live: boolean;
}

export function createEventHub({
  db,
  log,
  maxListeners = MAX_LISTENERS,
  heartbeatEveryMs = HEARTBEAT_EVERY_MS,
}: EventHubOptions): EventHub {
  const listeners = new Set<Listener>();
  /** Streams that are being opened. */
  let opening = 0;
  let stopped = false;
  /** Up to here events have been read for all; undefined while nobody listens. */
  let position: Position | undefined;
  let polling: NodeJS.Timeout | undefined;
  const heartbeats = setInterval(() => void beat().catch(failed), heartbeatEveryMs).unref();

  return { listen, stop };

  async function listen({ response, lastEventId, ...rest }: ListenRequest): Promise<void> {
    requireRoom();
    opening++;
    const { greeting, from, latest } = await whereToStart(db, lastEventId).finally(() => opening--);
    if (response.destroyed) return;
    const stream = openStream(response);
    if (stopped || response.req.method === 'HEAD') return stream.end();
    stream.send(greeting);
    const listener = { ...rest, stream, position: from, live: false };
    listeners.add(listener);
    stream.onClose(() => listeners.delete(listener));
    startPolling(latest);
    void catchUp(listener).catch((error: unknown) => {
      failed(error);
      stream.end();
    });
  }

  function requireRoom(): void {
    if (!stopped && listeners.size + opening < maxListeners) return;
    throw new MusterError(
      'ServiceUnavailable',
      `${maxListeners.toLocaleString('en')} clients listen to this process already; try again later.`,
    );
  }

  /** Everything between where the listener comes from and what has been read for all meanwhile. */
  async function catchUp(listener: Listener): Promise<void> {
    const { stream } = listener;
    while (!stream.closed && comparePositions(listener.position, position!) < 0) {
      const events = (await eventsAfter(db, listener.position, READ_AT_ONCE)).map(toOutgoing);
      if (events.length === 0) break;
      send(listener, events);
      await readInTime(stream);
      // A store in this process answers without one: others would wait for the last page.
      await turnOfTheLoop();
    }
    listener.live = true;
  }

  function startPolling(from: Position): void {
    if (position !== undefined) return;
    position = from;
    pollAfter(POLL_EVERY_MS);
  }

  function pollAfter(delayMs: number): void {
    polling = setTimeout(() => {
      poll().then(goOn, (error: unknown) => {
        failed(error);
        goOn(RETRY_AFTER_MS);
      });
    }, delayMs);
  }

  function goOn(delayMs: number): void {
    if (stopped) return;
    if (listeners.size > 0) pollAfter(delayMs);
    else position = undefined;
  }

  /** @returns when to poll again */
  async function poll(): Promise<number> {
    const events = (await eventsAfter(db, position!, READ_AT_ONCE)).map(toOutgoing);
    position = events.at(-1)?.position ?? position;
    for (const listener of listeners) if (listener.live) send(listener, events);
    return events.length === READ_AT_ONCE ? 0 : POLL_EVERY_MS;
  }

  async function beat(): Promise<void> {
    for (const listener of [...listeners]) {
      const { stream } = listener;
      if (await listener.mayStillListen()) stream.send(heartbeatText(listener.position));
      else stream.end();
    }
  }

  function failed(error: unknown): void {
    if (!stopped) log.warn({ err: error }, 'Events could not be read; it is tried again.');
  }

  function stop(): void {
    stopped = true;
    clearInterval(heartbeats);
    clearTimeout(polling);
    for (const { stream } of listeners) stream.end();
  }
}

/** In one write. A listener that has caught up further than the others gets nothing twice. */
function send(listener: Listener, events: OutgoingEvent[]): void {
  const due = events.filter((event) => comparePositions(event.position, listener.position) > 0);
  const last = due.at(-1);
  if (!last) return;
  listener.position = last.position;
  const concerned = listener.jobId === undefined ? due : due.filter(({ jobId }) => jobId === listener.jobId);
  if (concerned.length > 0) listener.stream.send(concerned.map(({ text }) => text).join(''));
}

/** @returns from where the listener is to be told what happened, and what it is told first */
async function whereToStart(
  db: Db,
  lastEventId: string | undefined,
): Promise<{ from: Position; latest: Position; greeting: string }> {
  const latest = await latestPosition(db);
  if (lastEventId === undefined) {
    return { from: latest, latest, greeting: `: connected\n\n${toText(latest, 'ready', {})}` };
  }
  const asked = parsePosition(lastEventId);
  const reason = asked ? await resumptionFault(db, asked) : 'Last-Event-ID is not one that Muster gives out.';
  if (asked && reason === undefined) return { from: asked, latest, greeting: '' };
  return { from: latest, latest, greeting: toText(latest, 'reset', { reason }) };
}

async function readInTime(stream: EventStream): Promise<void> {
  const cutOff = setTimeout(() => stream.cutOff(), CATCH_UP_LIMIT_MS);
  await stream.drained();
  clearTimeout(cutOff);
}
