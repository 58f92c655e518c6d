/** What goes wrong, when and for how long: drawn from the seed before anything starts. */

/** `kill`: gone at once, started again afterwards. `freeze`: stands still. `cut`: its connections break and none is let in. */
export type FaultKind = 'kill' | 'freeze' | 'cut' | 'fill';

export interface Target {
  name: string;
  kind: FaultKind;
  /** How often beside the others. */
  weight: number;
}

export interface Fault {
  target: string;
  kind: FaultKind;
  /** Milliseconds from the start. */
  atMs: number;
  durationMs: number;
}

const MAX_DOWN_MS = 6_000;
const FREEZE_MS = 10_000;

/** Faults spread over the time, so that two may overlap; the last ones end before it does. */
export function planFaults(
  targets: readonly Target[],
  options: { count: number; withinMs: number },
  random: () => number,
): Fault[] {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const draw = (): Target => {
    let left = random() * total;
    return targets.find(({ weight }) => (left -= weight) < 0) ?? targets[0]!;
  };
  return Array.from({ length: options.count }, () => {
    const { name, kind } = draw();
    const durationMs = kind === 'freeze' ? FREEZE_MS : Math.round(random() * MAX_DOWN_MS);
    return { target: name, kind, atMs: Math.round(random() * (options.withinMs - FREEZE_MS)), durationMs };
  }).sort((one, other) => one.atMs - other.atMs);
}
