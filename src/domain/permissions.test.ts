import fc from 'fast-check';
import { missingPermissions, permits, type Permission } from './permissions';

describe('permits', () => {
  it.each([
    ['GET', '/api/v1/jobs', true],
    ['GET', '/api/v1/jobs/1/executions', true],
    ['HEAD', '/api/v1/jobs', true],
    ['GET', '/api/v1/jobs-2', false],
    ['GET', '/api/v1', false],
    ['POST', '/api/v1/jobs', false],
  ])('%s %s under /api/v1/jobs for GET: %p', (method, url, permitted) => {
    expect(permits([{ methods: ['GET'], pathPrefix: '/api/v1/jobs' }], method, url)).toBe(permitted);
    expect(permits([{ methods: ['GET'], pathPrefix: '/api/v1/jobs/' }], method, url)).toBe(permitted);
  });
});

describe('missingPermissions', () => {
  const all: Permission[] = [{ methods: ['*'], pathPrefix: '/' }];
  const keys: Permission[] = [{ methods: ['POST'], pathPrefix: '/api/v1/api-keys' }];

  it.each<[string, Permission[], Permission[], Permission[]]>([
    ['nothing for who has everything', all, keys, []],
    ['what the other has beyond its own', keys, all, all],
    [
      'methods one by one',
      [{ methods: ['GET'], pathPrefix: '/a' }],
      [{ methods: ['GET', 'PUT'], pathPrefix: '/a/b' }],
      [{ methods: ['PUT'], pathPrefix: '/a/b' }],
    ],
    [
      '* where each method is there by itself: there are more methods',
      [{ methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], pathPrefix: '/' }],
      all,
      all,
    ],
    ['nothing for the same with a slash', keys, [{ ...keys[0]!, pathPrefix: '/api/v1/api-keys/' }], []],
    [
      'a prefix that only begins with the same letters',
      keys,
      [{ ...keys[0]!, pathPrefix: '/api/v1/api-keys-2' }],
      [{ ...keys[0]!, pathPrefix: '/api/v1/api-keys-2' }],
    ],
  ])('tells %s', (_what, own, wanted, missing) => {
    expect(missingPermissions(own, wanted)).toEqual(missing);
  });

  /** Few segments, so that prefixes and paths often stand within each other; with what paths may hold in disguise. */
  const path = fc
    .array(fc.constantFrom('a', 'b', 'a-2', '', '.', '..', '%61', '%2F', 'A', '?', '*'), { maxLength: 4 })
    .map((segments) => `/${segments.join('/')}`);
  const method = fc.constantFrom('*', 'GET', 'POST', 'DELETE');
  const permission = fc.record<Permission>({
    methods: fc.uniqueArray(method, { minLength: 1 }),
    pathPrefix: path,
  });
  const permissions = fc.array(permission, { minLength: 1, maxLength: 3 });
  const asked = fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS');

  it('finds nothing only where whatever the new key may call, its creator may call', () => {
    fc.assert(
      fc.property(permissions, permissions, asked, path, (own, wanted, verb, url) => {
        const covered = missingPermissions(own, wanted).length === 0;
        return !covered || !permits(wanted, verb, url) || permits(own, verb, url);
      }),
      { numRuns: 20_000 },
    );
  });

  it('finds something only where the new key may call what its creator may not', () => {
    fc.assert(
      fc.property(permissions, permissions, (own, wanted) => {
        for (const { methods, pathPrefix } of missingPermissions(own, wanted)) {
          // At the root of the prefix, or anywhere for the prefix of everything.
          const url = pathPrefix.replace(/\/+$/, '') || '/anything';
          for (const one of methods) {
            const verb = one === '*' ? 'OPTIONS' : one;
            expect(permits(wanted, verb, url)).toBe(true);
            expect(permits(own, verb, url)).toBe(false);
          }
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives no key to what gives a key to what it lacks', () => {
    fc.assert(
      fc.property(permissions, permissions, permissions, (first, second, third) => {
        const gives = (own: Permission[], wanted: Permission[]) =>
          missingPermissions(own, wanted).length === 0;
        return !gives(first, second) || !gives(second, third) || gives(first, third);
      }),
      { numRuns: 20_000 },
    );
  });
});
