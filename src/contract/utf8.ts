/**
 * Bytes that came in, as text. A byte order mark at the beginning, which some editors write, is no part of it.
 * @returns undefined where they are not UTF-8: with replacement characters, different texts would become the same one
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
