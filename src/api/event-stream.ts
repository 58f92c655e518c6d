/** One client that listens: server-sent events on an open answer. */
import type { Response } from 'express';
import { formatPosition, type Position } from '../domain/events';
import type { Event } from '../store/events';

/** What a client may leave unread in memory here before it is sent more. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const RECONNECT_AFTER_MS = 2_000;

/** An event as it goes out to everybody: made once. */
export interface OutgoingEvent {
  position: Position;
  jobId: string | null;
  text: string;
}

export interface EventStream {
  readonly closed: boolean;
  onClose(act: () => void): void;
  /** Cuts off a client that has left too much unread. */
  send(text: string): void;
  /** Resolves when what was sent is on its way, or the client is gone. */
  drained(): Promise<void>;
  /** After everything that was sent. */
  end(): void;
  /** At once. */
  cutOff(): void;
}

export function toOutgoing(event: Event): OutgoingEvent {
  return { position: event, jobId: event.jobId, text: toText(event, event.type, event.data) };
}

/** @param position from which the client goes on when it comes back */
export function toText(position: Position, event: string, data: object): string {
  return `id: ${formatPosition(position)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Nobody's business but the connection's: keeps proxies awake, and the client's position up to date. */
export function heartbeatText(position: Position): string {
  return `: heartbeat\nid: ${formatPosition(position)}\n\n`;
}

/** Begins the answer. */
export function openStream(response: Response): EventStream {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    // Tells nginx to pass on each event as it comes.
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
  return {
    get closed() {
      return response.closed || response.destroyed;
    },
    onClose: (act) => void response.once('close', act),
    send(text) {
      if (response.writableEnded || response.destroyed) return;
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      else response.write(text);
    },
    drained() {
      if (!response.writableNeedDrain || response.destroyed) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          response.off('drain', done).off('close', done);
          resolve();
        };
        response.once('drain', done).once('close', done);
      });
    },
    end: () => void response.end(),
    cutOff: () => void response.destroy(),
  };
}
