/** What the documents say in tables is what the code says, and what they point at is there. */
import fs from 'node:fs';
import path from 'node:path';
import { ERRORS } from '../src/contract/errors';
import { CONFIG_OPTIONS } from '../src/runtime/config';
import { createMetrics } from '../src/runtime/metrics';

const ROOT = path.resolve(__dirname, '..');
const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** The rows of all tables of a document: cells without the blanks around them. */
function rowsOf(file: string): string[][] {
  return read(file)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s:|-]+$/.test(line))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('\\|', '|')));
}

it('docs/errors.md lists every error code and no other', () => {
  const listed = rowsOf('docs/errors.md').filter(([, status = '']) => /^\d+$/.test(status));
  const known = Object.entries(ERRORS).map(([code, { status, title, meaning }]) => [
    `\`${code}\``,
    String(status),
    title,
    meaning,
  ]);
  expect(listed).toEqual(known);
});

it('docs/operations.md lists every option and no other', () => {
  const listed = rowsOf('docs/operations.md').filter(([, flag = '']) => flag.startsWith('`--'));
  const known = Object.values(CONFIG_OPTIONS).map((option) => [
    `\`${option.env}\``,
    `\`${option.flag}\``,
    'default' in option ? `\`${option.default}\`` : '',
    option.meaning,
  ]);
  expect(listed).toEqual(known);
});

it("docs/operations.md lists every metric of Muster's own and no other", async () => {
  const metrics = createMetrics({
    countStatuses: () => Promise.resolve({ jobs: {}, executions: {} }),
    checkReady: () => Promise.resolve({ ready: true, checks: {} }),
    workerMetricsUrl: 'http://127.0.0.1:1',
  });
  const known = [...(await metrics.render()).matchAll(/^# HELP (muster_\w+)/gm)].map(([, name]) => name);
  const listed = rowsOf('docs/operations.md').map(([name = '']) => /^`(muster_\w+)`$/.exec(name)?.[1]);
  expect(listed.filter(Boolean).sort()).toEqual(known.sort());
});

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...fs.readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`),
].filter((file) => file.endsWith('.md'));

it.each(documents)('%s points at what is there', (file) => {
  const text = read(file).replace(/^```.*?^```/gms, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const broken = links.filter((target) => !/^https?:/.test(target) && !isThere(file, target));
  expect(broken).toEqual([]);
});

function isThere(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const there = file === '' ? from : path.join(path.dirname(from), file);
  if (!fs.existsSync(path.join(ROOT, there))) return false;
  return anchor === undefined || anchorsOf(there).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

it('docs/mqtt-conformance.md names the statements that tests hold, and no others as held by them', () => {
  const files = [
    ...new Set(read('docs/mqtt-conformance.md').match(/src\/mqtt\/(conformance|delivery|mqtt5)\.test\.ts/g)),
  ];
  const held = new Map(
    files.map((file) => [file, new Set(read(file).match(/(?<=\[MQTT-)[\d.]+-\d+(?=\])/g))]),
  );
  const rows = rowsOf('docs/mqtt-conformance.md').map(([statements = '', , by = '']) => ({
    ids: expand(statements),
    files: files.filter((file) => by.includes(file)),
  }));
  for (const { ids, files: named } of rows)
    for (const file of named)
      expect({ ids, file, isHeld: ids.some((id) => held.get(file)?.has(id)) }).toMatchObject({
        isHeld: true,
      });
  const listed = new Set(rows.flatMap(({ ids }) => ids));
  expect([...held.values()].flatMap((ids) => [...ids]).filter((id) => !listed.has(id))).toEqual([]);
});

/** `3.1.2-8 to -10, -12, 3.2.0-1` names five statements. */
function expand(statements: string): string[] {
  let section = '';
  return statements.split(', ').flatMap((part) => {
    const [, own = section, first = '', last = first] = /^([\d.]+)?-(\d+)(?: to -(\d+))?$/.exec(part) ?? [];
    section = own;
    const count = Math.max(0, Number(last) - Number(first) + 1);
    return Array.from({ length: count }, (_, i) => `${section}-${Number(first) + i}`);
  });
}
