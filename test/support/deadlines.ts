/**
 * How long tests wait for anything that is to happen: a server that starts or stops, an answer, a state. The deadline is
 * for a fault, and far beyond what a slow machine needs, so that no test says anything about speed. `jest.config.js` has
 * the one of a whole test.
 */
export const HAPPENS_WITHIN_MS = 300_000;
