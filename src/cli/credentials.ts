import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Credentials } from './bodies';
import { UsageError } from './failures';

/** The MQTT credentials that a file holds, by thing name; none where there is no file. */
export function readCredentials(file: string): Record<string, Credentials> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Credentials>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UsageError(`${file} does not hold credentials: ${(error as Error).message}`);
  }
}

/** Adds credentials to a file that only its owner may read. Passwords are shown once, so none may get lost. */
export function keepCredentials(file: string, credentials: Record<string, Credentials>): void {
  const all = { ...readCredentials(file), ...credentials };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(all, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
