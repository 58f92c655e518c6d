/** What the build has made of the console. */
import fs from 'node:fs';
import path from 'node:path';

const CONSOLE = path.resolve(__dirname, '../../dist/console');
const MAX_FIRST_LOAD = 300_000;

const page = fs.readFileSync(path.join(CONSOLE, 'index.html'), 'utf8');
const assets = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, asset]) => asset!);

it.each(['br', 'gz'])('loads less than 300 kB at first, as .%s', (encoding) => {
  const sizes = assets.map((asset) => fs.statSync(path.join(CONSOLE, `${asset}.${encoding}`)).size);
  expect(assets.length).toBeGreaterThanOrEqual(3);
  expect(sizes.reduce((sum, size) => sum + size, page.length)).toBeLessThan(MAX_FIRST_LOAD);
});

it('loads the editor and the chart only when they are wanted', () => {
  const later = fs.readdirSync(path.join(CONSOLE, 'assets')).filter((name) => name.endsWith('.js'));
  expect(later).toEqual(expect.arrayContaining([expect.stringMatching(/^json-code-/)]));
  expect(later).toEqual(expect.arrayContaining([expect.stringMatching(/^progress-plot-/)]));
  expect(assets.join()).not.toMatch(/json-code|progress-plot/);
});

it('has nothing in the page that its policy forbids', () => {
  expect(page).toContain('content="__CSP_NONCE__"');
  expect(page).not.toMatch(/<style|style=|<script(?![^>]* src=)|https?:\/\//);
});
