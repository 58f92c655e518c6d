import { toJson } from '../../domain/json-text';

/**
 * A key for each thing that is asked for: the same request, sent again after a double click or a lost answer, carries
 * the same key; a changed one is another request.
 */
export function createIdempotencyKeys() {
  let asked: string | undefined;
  let key = '';
  return {
    keyFor(body: unknown): string {
      const text = toJson(body);
      if (text !== asked) {
        asked = text;
        key = randomKey();
      }
      return key;
    },
  };
}

/** `crypto.randomUUID` exists only where the page came by https or from this machine. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
