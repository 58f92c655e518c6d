import fc from 'fast-check';
import { canonical, indented, JsonFault, JsonText, memberText, parseKeeping, toJson } from './json-text';

/** JSON as others may write it: blanks anywhere, escapes anywhere, each number in several ways. */
const blanks = fc.constantFrom('', ' ', '\n', '\t \r\n');
const number = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1.0',
    '1e400',
    '0.1e-400',
    '9007199254740993',
    '123456789012345678901234567890.123',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);
const string = fc
  .string({ unit: 'binary' })
  .chain((text) =>
    fc
      .boolean()
      .map((escaped) =>
        escaped
          ? `"${[...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
          : JSON.stringify(text),
      ),
  );
const { value: written } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('true', 'false', 'null'),
    number,
    string,
    fc
      .tuple(blanks, fc.array(tie('value'), { maxLength: 3 }))
      .map(([b, items]) => `[${b}${items.join(`${b},${b}`)}${b}]`),
    fc
      .tuple(
        blanks,
        fc.uniqueArray(fc.tuple(string, tie('value')), {
          maxLength: 3,
          selector: ([name]) => JSON.parse(name) as string,
        }),
      )
      .map(
        ([b, members]) =>
          `{${b}${members.map(([name, value]) => `${name}${b}:${b}${value}`).join(`${b},${b}`)}${b}}`,
      ),
  ),
}));

const STRING_OR_NUMBER = /("[^"\\]*(?:\\.[^"\\]*)*")|-?\d[\d.eE+-]*/g;
const withoutNumbers = (json: string) =>
  json.replace(STRING_OR_NUMBER, (_, kept: string | undefined) => kept ?? '0');
const numbersIn = (json: string) =>
  [...json.matchAll(STRING_OR_NUMBER)].filter(([, kept]) => !kept).map(([n]) => n);

it('keeps each number as it was written, and all else as JSON.stringify writes it', () => {
  fc.assert(
    fc.property(written, (json) => {
      const { text } = JsonText.of(json);
      expect(numbersIn(text)).toEqual(numbersIn(json));
      expect(JSON.parse(text)).toEqual(JSON.parse(json));
      // JSON.parse puts names that are numbers before the others.
      if (!/"\d+":/.test(text))
        expect(withoutNumbers(text)).toBe(JSON.stringify(JSON.parse(withoutNumbers(json))));
      expect(JsonText.of(text).text).toBe(text);
    }),
  );
});

it('goes into an object and comes out of it as it is', () => {
  fc.assert(
    fc.property(written, fc.string({ unit: 'binary' }), fc.jsonValue(), (json, name, beside) => {
      const kept = JsonText.of(json);
      const object = toJson({ beside, left: undefined, [name]: kept, inner: { [name]: kept } });
      if (name === 'inner') return;
      expect(memberText(object, name)).toBe(kept.text);
      expect(memberText(memberText(object, 'inner')!, name)).toBe(kept.text);
      expect(parseKeeping(` ${object}`, name)).toMatchObject({ inner: expect.anything() as unknown });
      expect(Object.getOwnPropertyDescriptor(parseKeeping(object, name), name)?.value).toEqual(kept);
      if (name !== 'beside') expect(memberText(object, 'beside')).toBe(toJson(beside));
    }),
  );
});

it('is read by its last member of a name, as JSON.parse does, and only of the object itself', () => {
  expect(memberText('{"a":{"b":1},"b":[{"b":2}] , "\\u0062" : 3e0 }', 'b')).toBe('3e0');
  expect(memberText('{"a":{"b":1},"c":["b"]}', 'b')).toBeUndefined();
  expect(parseKeeping('{"a":1}', 'b')).toEqual({ a: 1 });
  expect(parseKeeping('[{"b":1}]', 'b')).toEqual([{ b: 1 }]);
  expect(() => parseKeeping('{"b":01}', 'b')).toThrow(SyntaxError);
});

it('is never written by JSON.stringify', () => {
  expect(() => JSON.stringify({ a: JsonText.of('1') })).toThrow('toJson');
  expect(() => toJson({ a: [JsonText.of('1')] })).toThrow('toJson');
});

it('is indented as JSON.stringify does it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(indented(JsonText.of(JSON.stringify(value)))).toBe(JSON.stringify(value, null, 2));
    }),
  );
});

describe('the canonical form', () => {
  const of = (json: string) => canonical(JsonText.of(json), 100);

  it('is one for all texts of a value', () => {
    fc.assert(
      fc.property(written, fc.jsonValue(), (json, value) => {
        expect(of(of(json))).toBe(of(json));
        expect(of(JSON.stringify(value, null, 2))).toBe(of(JSON.stringify(value)));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const backwards = Object.fromEntries(Object.entries(value).reverse());
        expect(of(JSON.stringify(backwards))).toBe(of(JSON.stringify(value)));
      }),
    );
  });

  it('tells numbers apart by their value, however they are written', () => {
    const integer = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).filter((n) => n !== 0n);
    fc.assert(
      fc.property(integer, integer, fc.nat(30), (a, b, zeros) => {
        expect(of(`${a}${'0'.repeat(zeros)}.0E-${zeros}`)).toBe(of(String(a)));
        expect(of(String(a)) === of(String(b))).toBe(a === b);
      }),
    );
    const same = ['150', '1.5e2', '15E+1', '150.000', '0.015e4'];
    expect(new Set(same.map(of)).size).toBe(1);
    const different = ['0', '-0', '1', '1e400', '1e401', '1e-400', '9007199254740993', '9007199254740992'];
    expect(new Set(different.map(of)).size).toBe(different.length);
  });

  it.each([
    ['{"a":{"b":1,"b":1}}', ['a', 'b']],
    ['[0,{"a":1,"\\u0061":2}]', ['1', 'a']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
  ])('is refused to %s', (json, path) => {
    expect(() => of(json)).toThrow(expect.objectContaining({ path, message: 'is given twice' }) as JsonFault);
  });

  it('is refused to what nests too deep', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(of(deep(100))).toBe(deep(100));
    expect(() => of(deep(101))).toThrow(JsonFault);
    expect(() => of(deep(1_000_000))).toThrow(JsonFault);
  });
});
