/** How a job went on: when its counts are noted, and how many of the notes are told. */
import { SECOND } from './limits';

const MIN_INTERVAL_MS = 5 * SECOND;
/** However long a job runs, its notes grow by a few hundred for each tenfold of its age. */
const NOTES_PER_AGE = 200;

/** @param ageMs of the job @returns how long its latest note stands before the next one */
export function sampleIntervalMs(ageMs: number): number {
  return Math.max(MIN_INTERVAL_MS, ageMs / NOTES_PER_AGE);
}

/** At most `max` of the items, two or more, at even distances, the first and the last among them. */
export function thinned<T>(items: readonly T[], max: number): T[] {
  if (items.length <= max) return [...items];
  return Array.from({ length: max }, (_, i) => items[Math.round((i * (items.length - 1)) / (max - 1))]!);
}
