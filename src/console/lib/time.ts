import { useSyncExternalStore } from 'react';

const TICK_MS = 10_000;
const UNITS: readonly [Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

/** `3 minutes ago`; within ten seconds `just now`. */
export function ago(at: Date, now: number): string {
  const seconds = (at.getTime() - now) / 1000;
  if (Math.abs(seconds) < 10) return 'just now';
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length)!;
  return relative.format(Math.trunc(seconds / size), unit);
}

export const exactTime = (at: Date): string => exact.format(at);

/** `2 h 5 min`, the two largest units. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** One clock for all times on the page. */
let now = Date.now();
const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (ticking === undefined) {
    now = Date.now();
    ticking = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(): void {
  now = Date.now();
  listeners.forEach((tell) => tell());
}

/** The present, a few seconds old at most. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
