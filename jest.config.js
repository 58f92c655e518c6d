/** Unit tests stand beside the code; what spans rooms is in test/. */

/** These are ES modules only, which jest can't `require`. */
const ES_MODULES = '(aedes|aedes-persistence|mqemitter)';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/workflows', '<rootDir>/activities', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.ts$': '@swc/jest', [`/node_modules/${ES_MODULES}/.+\\.js$`]: '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!${ES_MODULES}/)`],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  // For a fault, not for a slow machine: what a test waits for has shorter ones (test/support/deadlines.ts).
  testTimeout: 900_000,
  // Most of the tests run whole servers: more of them at once would only wait for each other.
  maxWorkers: 2,
};
