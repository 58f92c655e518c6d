/** The last status a simulated device reports; a `silent` one connects and never says a word. */
export type Outcome = 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'silent';

/** What one simulated device does with every job it is given. */
export interface DevicePlan {
  outcome: Outcome;
  /** Milliseconds from taking a job to its last report. A device that rejects does so at once. */
  durationMs: number;
  /** Progress reports (IN_PROGRESS with statusDetails) before the last one. */
  reports: number;
  /** Milliseconds that the device stays away before it first connects. */
  connectAfterMs: number;
}

/** An inclusive range of seconds. */
export interface Range {
  min: number;
  max: number;
}

/** How a fleet's devices behave, taken together. */
export interface Mix {
  devices: number;
  /** Share of devices (0–1) whose jobs succeed. Of the others three in four fail, one in four rejects. */
  successRate: number;
  /** Share of devices (0–1) that are away at first. */
  offlineShare: number;
  /** How long those stay away, in seconds. */
  offlineSeconds: Range;
  /** How long a job takes, in seconds. */
  durationSeconds: Range;
  reports: number;
  /** The same seed gives the same fleet. */
  seed: number;
}

/** The plans of a fleet. The shares are exact (rounded), the seed decides which device gets what. */
export function planFleet(mix: Mix): DevicePlan[] {
  const random = seededRandom(mix.seed);
  const outcomes = shuffle(outcomesOf(mix), random);
  const away = shuffle(
    Array.from({ length: mix.devices }, (_, index) => index < Math.round(mix.devices * mix.offlineShare)),
    random,
  );
  return outcomes.map((outcome, index) => ({
    outcome,
    durationMs: within(mix.durationSeconds, random) * 1000,
    reports: mix.reports,
    connectAfterMs: away[index] ? within(mix.offlineSeconds, random) * 1000 : 0,
  }));
}

function outcomesOf({ devices, successRate }: Mix): Outcome[] {
  const succeed = Math.round(devices * successRate);
  const fail = Math.ceil((devices - succeed) * 0.75);
  return Array.from({ length: devices }, (_, index) =>
    index < succeed ? 'SUCCEEDED' : index < succeed + fail ? 'FAILED' : 'REJECTED',
  );
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function within({ min, max }: Range, random: () => number): number {
  return min + (max - min) * random();
}

/** Fisher–Yates. */
function shuffle<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}
