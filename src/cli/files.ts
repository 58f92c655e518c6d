import { readFileSync } from 'node:fs';
import { decodeUtf8 } from '../contract/utf8';
import { UsageError } from './failures';

/** The text of a file that the user named, `-` being standard input. @throws UsageError when it cannot be read, or is not UTF-8 */
export function readText(file: string): string {
  const text = decodeUtf8(readBytes(file));
  if (text === undefined) throw new UsageError(`${file} is not UTF-8; save it in that encoding.`);
  return text;
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
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
