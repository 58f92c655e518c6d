import fc from 'fast-check';
import { THING_NAME_PATTERN } from './limits';
import { userNameOf } from './user-names';

test.each([
  ['thermostat-1', 'thermostat-1'],
  ['thermostat-1?SDK=JavaScript&Version=2.2.16', 'thermostat-1'],
  ['thermostat-1?', 'thermostat-1'],
  ['a?b?c', 'a'],
  ['?', ''],
  ['?SDK=Python', ''],
  ['', ''],
])('%s is %s', (presented, name) => {
  expect(userNameOf(presented)).toBe(name);
});

test('the name of a thing is its own, whatever comes behind a ?', () => {
  const thingName = fc
    .stringMatching(/^[A-Za-z0-9:_.-]{1,128}$/)
    .filter((name) => THING_NAME_PATTERN.test(name));
  fc.assert(
    fc.property(thingName, fc.string(), (name, rest) => {
      expect(userNameOf(name)).toBe(name);
      expect(userNameOf(`${name}?${rest}`)).toBe(name);
    }),
  );
});
