import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Credentials } from './bodies';
import { readJson } from './files';

/** The MQTT credentials that a file holds, by thing name; none where there is no file. */
export function readCredentials(file: string): Record<string, Credentials> {
  return existsSync(file) ? (readJson(file) as Record<string, Credentials>) : {};
}

/** Adds credentials to a file that only its owner may read. Passwords are shown once, so none may get lost. */
export function keepCredentials(file: string, credentials: Record<string, Credentials>): void {
  const all = { ...readCredentials(file), ...credentials };
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.new`;
  try {
    writeFileSync(draft, JSON.stringify(all, null, 2), { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
