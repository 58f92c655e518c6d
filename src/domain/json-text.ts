/**
 * JSON as text. A number in JSON has any number of digits, one in JavaScript has 53 bits: a value that must reach its
 * reader as it was given is never parsed and written again. Its text goes through in its place.
 */

/** A value as the text of its JSON, normalized. `toJson` writes it; `JSON.stringify` must not, and throws. */
export class JsonText {
  private constructor(readonly text: string) {}

  /** @param json valid JSON, with blanks or without */
  static of(json: string): JsonText {
    return new JsonText(normalized(json));
  }

  /** @param json what `text` of another one was */
  static asKept(json: string): JsonText {
    return new JsonText(json);
  }

  toJSON(): never {
    throw new Error('A JsonText is written by toJson.');
  }
}

/** Why a JSON text is not taken, and where. */
export class JsonFault extends Error {
  constructor(
    readonly path: string[],
    message: string,
  ) {
    super(message);
  }
}

/** The same as `JSON.stringify`, with each JsonText that is a member of an object in its place. */
export function toJson(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  let members = '';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${toJson(member)}`;
  }
  return `{${members}}`;
}

/**
 * The same as `JSON.parse`, but one member of an object comes as JsonText where it is there.
 * @throws SyntaxError
 */
export function parseKeeping(json: string, name: string | undefined): unknown {
  const value: unknown = JSON.parse(json);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const text = isObject && name !== undefined ? memberText(json, name) : undefined;
  return text === undefined ? value : { ...(value as object), [name!]: JsonText.of(text) };
}

/**
 * @param object valid JSON
 * @returns the JSON of one of its members, of the last one where several have the name, as `JSON.parse` has it
 */
export function memberText(object: string, name: string): string | undefined {
  let found: string | undefined;
  let depth = 0;
  let string = '';
  /** Where the value of the member begins. */
  let begin = 0;
  for (let at = 0; at < object.length; at++) {
    switch (object.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(object, at);
        if (depth === 1) string = object.slice(at, end);
        at = end - 1;
        break;
      }
      case COLON:
        if (depth === 1 && JSON.parse(string) === name) begin = at + 1;
        break;
      case COMMA:
        if (depth === 1) close(at);
        break;
      case OPENING_BRACE:
      case OPENING_BRACKET:
        depth++;
        break;
      case CLOSING_BRACE:
      case CLOSING_BRACKET:
        if (depth === 1) close(at);
        depth--;
    }
  }
  return found;

  function close(end: number): void {
    if (begin > 0) found = object.slice(begin, end).trim();
    begin = 0;
  }
}

/** @param begin of a string, at its quote. @returns where it has ended */
function endOfString(json: string, begin: number): number {
  let end = begin;
  do end = json.indexOf('"', end + 1);
  while (isEscaped(json, end));
  return end < 0 ? json.length : end + 1;
}

function isEscaped(json: string, at: number): boolean {
  let first = at;
  while (json.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

const [QUOTE, COLON, COMMA, BACKSLASH] = [0x22, 0x3a, 0x2c, 0x5c];
const [OPENING_BRACE, CLOSING_BRACE, OPENING_BRACKET, CLOSING_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

const STRING = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"`;
const STRING_OR_BLANKS = new RegExp(String.raw`${STRING}|[ \t\r\n]+`, 'g');
const TOKEN = new RegExp(String.raw`${STRING}|[{}[\],:]|[^"{}[\],:]+`, 'g');

/** Without blanks, each string at its shortest, each number as it was written. */
function normalized(json: string): string {
  return json.replace(STRING_OR_BLANKS, (token) => {
    if (!token.startsWith('"')) return '';
    return token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token;
  });
}

/** On lines of its own, two blanks for each level, as `JSON.stringify(…, null, 2)` writes it. */
export function indented({ text }: JsonText): string {
  let line = '\n';
  let before = '';
  return text.replace(TOKEN, (token) => {
    const [opened, closed] = [before === '{' || before === '[', token === '}' || token === ']'];
    before = token;
    if (closed) line = line.slice(0, -2);
    const begin = opened !== closed && (opened || closed) ? line : '';
    if (token === '{' || token === '[') line += '  ';
    if (token === ',') return `,${line}`;
    return `${begin}${token === ':' ? ': ' : token}`;
  });
}

/**
 * The same for all texts of the same value: names sorted, numbers as decimals.
 * @throws JsonFault for a name that an object has twice, of which each reader takes another one, and for nesting deeper
 *   than `maxDepth` levels
 */
export function canonical({ text }: JsonText, maxDepth: number): string {
  const tokens = text.match(TOKEN)!;
  const path: string[] = [];
  let next = 0;
  return value();

  function value(): string {
    const token = tokens[next++]!;
    if (token === '{') return object();
    if (token === '[') return array();
    return /^[\d-]/.test(token) ? decimal(token) : token;
  }

  function object(): string {
    const members = new Map<string, string>();
    each('}', () => {
      const name = tokens[next]!;
      next += 2;
      inside(JSON.parse(name) as string, () => {
        if (members.has(name)) throw new JsonFault([...path], 'is given twice');
        members.set(name, value());
      });
    });
    const names = [...members.keys()].sort();
    return `{${names.map((name) => `${name}:${members.get(name)}`).join()}}`;
  }

  function array(): string {
    const items: string[] = [];
    each(']', () => inside(String(items.length), () => items.push(value())));
    return `[${items.join()}]`;
  }

  function each(closing: string, read: () => void): void {
    if (path.length >= maxDepth) throw new JsonFault([], `must not nest deeper than ${maxDepth} levels`);
    if (tokens[next] === closing) next++;
    else
      do read();
      while (tokens[next++] === ',');
  }

  function inside(name: string, read: () => void): void {
    path.push(name);
    read();
    path.pop();
  }
}

/** A number by its value: the digits without zeros at the ends, and the power of ten. Zero keeps its sign. */
function decimal(number: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(number)!;
  const digits = `${whole}${fraction}`;
  let [begin, end] = [0, digits.length];
  while (digits[begin] === '0') begin++;
  while (end > begin && digits[end - 1] === '0') end--;
  if (begin === digits.length) return `${sign}0`;
  const power = BigInt(exponent) + BigInt(digits.length - end - fraction.length);
  return `${sign}${digits.slice(begin, end)}e${power}`;
}
