import { CommanderError } from 'commander';
import { Failure, UsageError, exitCodeOf } from './failures';

class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

describe('exitCodeOf', () => {
  const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  beforeEach(() => said.mockClear());

  it.each([
    ['wrong usage', new UsageError('no'), 2],
    ['wrong configuration', new ConfigError('no'), 2],
    ['an expected failure', new Failure('no'), 1],
    ['an unexpected one', new TypeError('no'), 1],
  ])('is right for %s, and one sentence says what is wrong', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
    expect(said.mock.calls).toEqual([['muster: no']]);
  });

  it('leaves the words to commander', () => {
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', 'no'))).toBe(2);
    expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', 'help'))).toBe(0);
    expect(said).not.toHaveBeenCalled();
  });
});
