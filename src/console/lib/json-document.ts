/** The document of a job as it is typed. */
import { canonical, JsonFault, JsonText } from '../../domain/json-text';

/** As the server takes it. */
const MAX_BYTES = 32 * 1024;
/** Far beyond what the server takes, and far within what a stack holds. */
const MAX_DEPTH = 500;

export type ParsedDocument = { value: JsonText; error?: undefined } | { error: string };

/** Where a text stops being JSON, and what would go on. Browsers tell this in different ways, or not at all. */
export interface Fault {
  /** Characters before it. */
  at: number;
  expected: string;
}

/** @returns the object, or what is wrong with the text and where */
export function parseDocument(text: string): ParsedDocument {
  if (text.trim() === '')
    return { error: 'Enter the document: a JSON object, such as {"action": "restart"}' };
  const fault = findFault(text);
  if (fault) return { error: `This is not JSON: ${placeOf(fault, text)}: expected ${fault.expected}` };
  const value = JsonText.of(text);
  if (!value.text.startsWith('{')) return { error: 'The document must be a JSON object: {…}' };
  const bytes = new TextEncoder().encode(value.text).length;
  if (bytes > MAX_BYTES) {
    return { error: `The document has ${bytes.toLocaleString('en')} bytes; at most 32,768 are possible` };
  }
  const again = nameGivenTwice(value);
  return again === undefined ? { value } : { error: `“${again}” is given twice` };
}

function nameGivenTwice(value: JsonText): string | undefined {
  try {
    canonical(value, MAX_DEPTH);
  } catch (error) {
    if (error instanceof JsonFault) return error.path.join('.');
    throw error;
  }
}

function placeOf({ at }: Fault, text: string): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** Blanks, then a sign, a string, a number or a word; nothing of these is an empty token. */
const TOKEN =
  // eslint-disable-next-line no-control-regex -- strings hold none
  /[ \t\r\n]*([{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|)/y;

/** @returns the first fault, or undefined for what JSON.parse takes */
export function findFault(text: string): Fault | undefined {
  let start = 0;
  let end = 0;
  let depth = 0;
  const fault = value();
  if (fault) return fault;
  return take() === '' && start === text.length ? undefined : expected('the end');

  function take(): string {
    TOKEN.lastIndex = end;
    const token = TOKEN.exec(text)![1]!;
    end = TOKEN.lastIndex;
    start = end - token.length;
    return token;
  }

  function expected(what: string): Fault {
    return { at: start, expected: what };
  }

  function value(): Fault | undefined {
    const token = take();
    if (token === '{') return list('}', member);
    if (token === '[') return list(']', value);
    return /^["\d\-tfn]/.test(token) ? undefined : expected('a value');
  }

  function member(): Fault | undefined {
    if (!take().startsWith('"')) return expected('a name in double quotes');
    return take() === ':' ? value() : expected('“:”');
  }

  function list(closing: string, item: () => Fault | undefined): Fault | undefined {
    if (++depth > MAX_DEPTH) return expected('less nesting');
    const begin = end;
    if (take() !== closing) {
      end = begin;
      do {
        const inner = item();
        if (inner) return inner;
      } while (take() === ',');
      if (text[start] !== closing) return expected(`“,” or “${closing}”`);
    }
    depth--;
    return undefined;
  }
}
