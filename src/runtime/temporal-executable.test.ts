import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findTemporalExecutable } from './temporal-executable';

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-find-'));
afterAll(() => fs.rmSync(home, { recursive: true }));

function executable(directory: string): string {
  const file = path.join(home, directory, 'temporal');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, '', { mode: 0o755 });
  return file;
}

test('the one on the PATH comes first, then the one kept from before, and each is told', async () => {
  const told: string[] = [];
  const find = (PATH: string) =>
    findTemporalExecutable({ PATH, XDG_CACHE_HOME: home }, (line) => told.push(line));
  const cached = executable('muster');
  const onPath = executable('bin');
  expect(await find(`/nowhere:${path.join(home, 'bin')}`)).toBe(onPath);
  expect(await find('/nowhere')).toBe(cached);
  expect(told).toEqual([`Temporal: ${onPath}, found on the PATH`, `Temporal: ${cached}, kept from before`]);
});
