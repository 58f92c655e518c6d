import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from './config';
import { openDataDir } from './data-dir';

const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-data-dir-'));
afterAll(() => fs.rmSync(parent, { recursive: true }));
const fresh = () => fs.mkdtempSync(path.join(parent, 'dir-'));

test('the directory is made for this user alone', () => {
  const directory = path.join(fresh(), 'a/b');
  openDataDir(directory).release();
  expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
});

test('a second Muster is turned away by a sentence with the process that has it', () => {
  const directory = fresh();
  const first = openDataDir(directory);
  expect(() => openDataDir(directory)).toThrow(ConfigError);
  expect(() => openDataDir(directory)).toThrow(
    `is used by another Muster (process ${process.pid}); stop that one`,
  );
  first.release();
  openDataDir(directory).release();
});

test('one that was killed leaves nothing to clear away', async () => {
  const directory = fresh();
  const script = `
    const Database = require('better-sqlite3');
    const db = new Database(process.argv[1]);
    db.exec('BEGIN EXCLUSIVE');
    console.log('locked');
    setInterval(() => db.open, 1000);`;
  const holder = spawn(process.execPath, ['-e', script, path.join(directory, 'muster.lock')]);
  await once(holder.stdout, 'data');
  fs.writeFileSync(path.join(directory, 'endpoints.json'), '{}');
  expect(() => openDataDir(directory)).toThrow(ConfigError);

  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const taken = openDataDir(directory);
  expect(fs.existsSync(taken.file('endpoints.json'))).toBe(false);
  taken.release();
});

test('a place that is no directory is refused with the remedy', () => {
  const file = path.join(fresh(), 'file');
  fs.writeFileSync(file, '');
  expect(() => openDataDir(path.join(file, 'dir'))).toThrow(
    /MUSTER_DATA_DIR ".*" can't be written \(ENOTDIR\)/,
  );
});

test('endpoints.json is there from the writing to the removal', () => {
  const dir = openDataDir(fresh());
  const endpoints = { http: 'http://h', mqtt: 'mqtt://m', temporal: 't:1', temporalUi: 'http://u' };
  dir.writeEndpoints(endpoints);
  expect(JSON.parse(fs.readFileSync(dir.file('endpoints.json'), 'utf8'))).toEqual(endpoints);
  dir.removeEndpoints();
  expect(fs.existsSync(dir.file('endpoints.json'))).toBe(false);
  dir.release();
});
