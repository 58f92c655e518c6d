import fc from 'fast-check';
import { foldName } from './search';

const name = fc.string({ unit: 'grapheme', maxLength: 20 });

it.each([
  ['ÄNDERUNG', 'änderung'],
  ['ÄNDERUNG', 'A\u0308nderung'],
  ['Обновление', 'ОБНОВЛЕНИЕ'],
  ['Straße', 'STRASSE'],
  ['ẞ', 'ß'],
  ['ΟΔΟΣ', 'οδος'],
  ['İSTANBUL', 'istanbul'],
  ['ISPARTA', 'ısparta'],
  ['ﬁrmware', 'FIRMWARE'],
  ['Ｖ２', 'v2'],
  ['ŉ', 'ʼN'],
  ['ΰ', 'Ϋ́'],
])('%s is %s', (one, other) => {
  expect(foldName(one)).toBe(foldName(other));
});

it('tells letters with accents from those without', () => {
  expect(foldName('ä')).not.toBe(foldName('a'));
});

it('is the same for upper, lower, composed and decomposed writing, and for its own result', () => {
  fc.assert(
    fc.property(name, (text) => {
      const folded = foldName(text);
      for (const same of [
        folded,
        text.toLowerCase(),
        text.toUpperCase(),
        text.normalize('NFC'),
        text.normalize('NFD'),
      ])
        expect(foldName(same)).toBe(folded);
    }),
    { numRuns: 2_000 },
  );
});

it('is so for every character there is', () => {
  const unstable: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (/\p{Cs}|\p{Cn}|\p{Co}/u.test(character)) continue;
    const folded = foldName(character);
    const all = [folded, character.toLowerCase(), character.toUpperCase(), character.normalize('NFD')];
    if (all.some((same) => foldName(same) !== folded)) unstable.push(character);
  }
  expect(unstable).toEqual([]);
});
