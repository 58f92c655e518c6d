import { readFileSync } from 'node:fs';
import { decodeUtf8 } from '../contract/utf8';
import { JsonText, parseKeeping } from '../domain/json-text';
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
  return parse(file, JSON.parse);
}

/** The body of a new job, with its document as it stands in the file. @throws UsageError */
export function readJob(file: string): Record<string, unknown> {
  const value = parse(file, (text) => parseKeeping(text, 'document'));
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UsageError(`${file} must hold a JSON object.`);
}

/** A document as it stands in the file; the API says whether it is one. @throws UsageError */
export function readDocument(file: string): JsonText {
  return parse(file, (text) => {
    JSON.parse(text);
    return JsonText.of(text);
  });
}

function parse<T>(file: string, read: (text: string) => T): T {
  const text = readText(file);
  try {
    return read(text);
  } catch (error) {
    throw new UsageError(`${file} does not hold JSON: ${(error as Error).message}`);
  }
}
