/** What happens to jobs, executions and things, as those are told who listen. */
import type { ExecutionStatus } from './statuses';

export const EVENT_TYPES = [
  'job.created',
  'job.updated',
  'job.deleted',
  'execution.changed',
  'execution.deleted',
  'thing.connected',
  'thing.disconnected',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Where an event stands in the order of all events: by transaction, and within one by number. */
export interface Position {
  tx: number;
  seq: number;
}

/** Before the first event. */
export const BEGINNING: Position = { tx: 0, seq: 0 };

/** As clients carry it about, opaque to them. */
export function formatPosition({ tx, seq }: Position): string {
  return `${tx}.${seq}`;
}

export function parsePosition(text: string): Position | undefined {
  const [, tx, seq] = /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})$/.exec(text) ?? [];
  const position = { tx: Number(tx), seq: Number(seq) };
  return Number.isSafeInteger(position.tx) && Number.isSafeInteger(position.seq) ? position : undefined;
}

/** Below 0 where `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.tx - b.tx || a.seq - b.seq;
}

const FAILURES: readonly unknown[] = ['FAILED', 'REJECTED', 'TIMED_OUT'] satisfies ExecutionStatus[];

/** Whether people want to read of it among the latest activity. @param to the status of an execution after it */
export function isNotable(type: EventType, to?: unknown): boolean {
  return type.startsWith('job.') || (type === 'execution.changed' && FAILURES.includes(to));
}
