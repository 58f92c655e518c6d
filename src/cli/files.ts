import { readFileSync } from 'node:fs';
import { UsageError } from './failures';

/** The text of a file that the user named, `-` being standard input. @throws UsageError when it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** The same as JSON. @throws UsageError also when it is none. */
export function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} does not hold JSON: ${(error as Error).message}`);
  }
}
