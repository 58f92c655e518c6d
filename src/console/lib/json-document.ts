/** The document of a job as it is typed. */

/** As the server takes it. */
const MAX_BYTES = 32 * 1024;

export type ParsedDocument = { value: Record<string, unknown>; error?: undefined } | { error: string };

/** @returns the object, or what is wrong with the text and where */
export function parseDocument(text: string): ParsedDocument {
  if (text.trim() === '')
    return { error: 'Enter the document: a JSON object, such as {"action": "restart"}' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      error: `This is not JSON: ${placed(error instanceof Error ? error.message : String(error), text)}`,
    };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { error: 'The document must be a JSON object: {…}' };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  if (bytes > MAX_BYTES) {
    return { error: `The document has ${bytes.toLocaleString('en')} bytes; at most 32,768 are possible` };
  }
  return { value: value as Record<string, unknown> };
}

/** Browsers tell the place in different ways, some only by its position. */
function placed(message: string, text: string): string {
  if (/line \d+/.test(message)) return message;
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position === undefined) return message;
  const before = text.slice(0, Number(position)).split('\n');
  return `${message} (line ${before.length} column ${before.at(-1)!.length + 1})`;
}
