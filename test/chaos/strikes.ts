/** When a part was struck, and when it was mended. */
export interface Strike {
  from: number;
  to: number;
}

/** Milliseconds between two times in which anything was struck; strikes that overlap count once. */
export function struckBetween(strikes: readonly Strike[], since: number, until: number): number {
  let total = 0;
  let counted = since;
  for (const { from, to } of [...strikes].sort((one, other) => one.from - other.from)) {
    const begin = Math.max(from, counted);
    const end = Math.min(to, until);
    if (end <= begin) continue;
    total += end - begin;
    counted = end;
  }
  return total;
}
