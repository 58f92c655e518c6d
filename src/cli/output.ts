import Table from 'cli-table3';
import { indented, JsonText, toJson } from '../domain/json-text';
import type { Page } from './client';

/** How one column of a table is headed and filled. */
export interface Column<T> {
  head: string;
  of: (item: T) => string | number | null | undefined;
}

const PLAIN = Object.fromEntries(
  [
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ]
    .flat()
    .map((part) => [part, '']),
);

/** Aligned columns under their headings; an empty value is a dash. */
export function renderTable<T>(items: T[], columns: Column<T>[]): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    chars: { ...PLAIN, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...items.map((item) => columns.map(({ of }) => cell(of(item)))));
  return trimLines(table.toString());
}

/** A line per fact. */
export function renderFacts(facts: Record<string, string | number | null | undefined>): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`)
    .join('\n');
}

export function printJson(body: unknown): void {
  console.log(indented(JsonText.asKept(toJson(body))));
}

/** A sentence for a person; a program reads the exit code. */
export function say({ json }: { json?: boolean }, sentence: string): void {
  if (!json) console.log(sentence);
}

/** A list for a person or, with `json`, for a program. */
export function printPage<T>(page: Page<T>, columns: Column<T>[], json: boolean | undefined): void {
  if (json) return printJson(page);
  console.log(page.items.length === 0 ? 'None.' : renderTable(page.items, columns));
  if (page.nextCursor !== null) {
    console.log(`\nThe first ${page.items.length}; there are more (--limit shows them).`);
  }
}

/** `2026-11-23 13:49:41`, UTC. */
export function when(iso: string | null | undefined): string | undefined {
  return iso?.slice(0, 19).replace('T', ' ');
}

/** `name=value` pairs on one line. */
export function pairs(values: Record<string, string> | null | undefined): string {
  return Object.entries(values ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function cell(value: string | number | null | undefined): string {
  return value === undefined || value === null || value === '' ? '-' : String(value);
}

function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '');
}
