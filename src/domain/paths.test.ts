import fc from 'fast-check';
import { pathSegment } from './paths';

const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.stringMatching(/^[./%2eE]{0,6}$/),
  fc.constantFrom('', '.', '..', '...', '%2e%2e', '../..', 'a/../b'),
);

it('gives a segment that a URL keeps, or none', () => {
  fc.assert(
    fc.property(name, (given) => {
      const segment = pathSegment(given);
      if (segment === undefined) return expect(['', '.', '..']).toContain(given);
      const { pathname } = new URL(`http://muster/executions/${segment}/cancel`);
      expect(pathname).toBe(`/executions/${segment}/cancel`);
      expect(decodeURIComponent(segment)).toBe(given);
    }),
  );
});
