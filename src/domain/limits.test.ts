import fc from 'fast-check';
import { GROUP_NAME_PATTERN, STATUS_DETAIL_VALUE_PATTERN, THING_NAME_PATTERN } from './limits';

describe('names', () => {
  it.each(['a', '...', '.a', 'com.example:thing_1-x', 'x'.repeat(128)])('takes thing name %s', (name) => {
    expect(name).toMatch(THING_NAME_PATTERN);
  });

  it.each(['', '.', '..', 'a/b', 'a+', '#', 'a b', 'ä', 'x'.repeat(129), 'a\n'])(
    'refuses thing name %j',
    (name) => {
      expect(name).not.toMatch(THING_NAME_PATTERN);
    },
  );

  it.each(['com.example.thermostat (default)', 'x', '...', 'Küche 2'])('takes group name %s', (name) => {
    expect(name).toMatch(GROUP_NAME_PATTERN);
  });

  it.each(['', '.', '..', ' a', 'a ', 'a/b', 'a#', 'a+b', 'a\u0007', 'x'.repeat(129)])(
    'refuses group name %j',
    (name) => {
      expect(name).not.toMatch(GROUP_NAME_PATTERN);
    },
  );

  it('takes status details without control characters only', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (value) => {
        expect(STATUS_DETAIL_VALUE_PATTERN.test(value)).toBe(!/[\u0000-\u001f\u007f-\u009f]/.test(value)); // eslint-disable-line no-control-regex
      }),
    );
  });
});
