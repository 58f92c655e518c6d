import { renderFacts, renderTable, when } from './output';

describe('renderTable', () => {
  it('aligns columns and marks what is empty', () => {
    const things = [{ name: 'boiler-1', type: 'com.example.thermostat' }, { name: 'x' }];
    expect(
      renderTable<{ name: string; type?: string }>(things, [
        { head: 'THING', of: (thing) => thing.name },
        { head: 'TYPE', of: (thing) => thing.type },
      ]),
    ).toBe('THING     TYPE\nboiler-1  com.example.thermostat\nx         -');
  });
});

describe('renderFacts', () => {
  it('sets names and values side by side', () => {
    expect(renderFacts({ Job: 'a1', Description: null })).toBe('Job          a1\nDescription  -');
  });
});

describe('when', () => {
  it('shortens a time and passes a missing one on', () => {
    expect(when('2026-11-23T13:49:41.123Z')).toBe('2026-11-23 13:49:41');
    expect(when(null)).toBeUndefined();
  });
});
