/** Filters and pages of tables, kept in the address of the page. */
import { useLocation, useSearchParams } from 'react-router';

const CURSOR = 'after';

export interface Filters<K extends string> {
  values: Partial<Record<K, string>>;
  /** Begins at the first page again. An empty value takes the filter away. */
  set: (name: K, value: string | null) => void;
  clear: () => void;
  any: boolean;
}

/** @param names parameters of the address that are filters; others stay as they are */
export function useFilters<K extends string>(names: readonly K[]): Filters<K> {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(
    names.flatMap((name) => (params.get(name) ? [[name, params.get(name)]] : [])),
  ) as Partial<Record<K, string>>;
  const change = (edit: (next: URLSearchParams) => void) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        next.delete(CURSOR);
        edit(next);
        return next;
      },
      { replace: true },
    );
  return {
    values,
    set: (name, value) => change((next) => (value ? next.set(name, value) : next.delete(name))),
    clear: () => change((next) => names.forEach((name) => next.delete(name))),
    any: Object.keys(values).length > 0,
  };
}

export interface Paging {
  cursor: string | undefined;
  /** From 1; unknown (null) when the page was opened by its address. */
  pageNumber: number | null;
  next: (cursor: string) => void;
  previous: (() => void) | undefined;
  first: () => void;
}

/** The way back is not in a cursor, so it stands beside the address in the browser's history. */
export function usePaging(): Paging {
  const [params, setParams] = useSearchParams();
  const state: unknown = useLocation().state;
  const cursor = params.get(CURSOR) ?? undefined;
  const trail = trailIn(state);
  const go = (to: string | undefined, nextTrail: string[]) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (to) next.set(CURSOR, to);
        else next.delete(CURSOR);
        return next;
      },
      { state: { trail: nextTrail } },
    );
  return {
    cursor,
    pageNumber: cursor === undefined ? 1 : trail.length > 0 ? trail.length + 1 : null,
    next: (to) => go(to, cursor === undefined ? [''] : [...trail, cursor]),
    previous: trail.length > 0 ? () => go(trail.at(-1), trail.slice(0, -1)) : undefined,
    first: () => go(undefined, []),
  };
}

function trailIn(state: unknown): string[] {
  const { trail } = (state ?? {}) as { trail?: unknown };
  return Array.isArray(trail) ? trail.map(String) : [];
}

/** @returns `value` where it is one of `allowed`: an address may hold anything */
export function oneOf<T extends string>(allowed: readonly T[], value: string | undefined): T | undefined {
  return allowed.find((one) => one === value);
}
