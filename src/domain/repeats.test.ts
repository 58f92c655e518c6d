import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { contentOf, isRepeat } from './repeats';
import { REPORTABLE_STATUSES } from './statuses';

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9:_-]{1,4}$/),
  fc.constantFrom('__proto__', 'constructor', '10', '9'),
);
/** As pairs, so that a test can put them in another order. */
const pairs = fc.uniqueArray(fc.tuple(key, fc.string({ maxLength: 4 })), {
  maxLength: 5,
  selector: ([name]) => name,
});

const content = fc.record({
  kind: fc.constant('update' as const),
  status: fc.constantFrom(...REPORTABLE_STATUSES),
  statusDetails: optional(pairs.map((each) => Object.fromEntries(each))),
  expectedVersion: optional(fc.nat({ max: 5 })),
  executionNumber: optional(fc.nat({ max: 3 })),
  stepTimeoutInMinutes: optional(fc.constantFrom(-1, 1 / 60, 1, 5)),
  includeJobExecutionState: optional(fc.boolean()),
  includeJobDocument: optional(fc.boolean()),
  clientToken: fc.constantFrom('constant', 'other'),
});
type Request = typeof content extends fc.Arbitrary<infer T> ? T : never;

const receipt = fc.record({
  topic: optional(fc.constantFrom('$aws/things/a/jobs/j/update', '$emqx/things/a/jobs/j/update')),
  receivedAt: fc.nat(),
});

/** The same with the fields of every object the other way round, and without those that are undefined. */
function turnedRound<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => [name, turnedRound<unknown>(inner)] as const);
  return Object.fromEntries(fields.reverse()) as T;
}

it('knows a request again however and whenever it comes in', () => {
  fc.assert(
    fc.property(content, receipt, receipt, (request, first, again) => {
      expect(isRepeat({ ...turnedRound(request), ...again }, { ...request, ...first })).toBe(true);
    }),
  );
});

it('takes a request for another one where any field is another', () => {
  const field = fc.constantFrom<keyof Request>(
    'status',
    'statusDetails',
    'expectedVersion',
    'stepTimeoutInMinutes',
  );
  fc.assert(
    fc.property(content, content, field, receipt, (request, other, name, received) => {
      const changed = { ...request, ...received, [name]: other[name] };
      const same = isDeepStrictEqual(request[name], other[name]);
      expect(isRepeat(changed, request)).toBe(same);
    }),
  );
});

it.each([
  ['expectedVersion', 2, 3],
  ['executionNumber', 1, undefined],
  ['stepTimeoutInMinutes', 5, -1],
  ['includeJobExecutionState', true, false],
  ['includeJobDocument', true, false],
  ['statusDetails', {}, undefined],
  ['clientToken', 'a', 'b'],
])('takes another %s for another request', (field, a, b) => {
  const request = { kind: 'update', status: 'IN_PROGRESS', clientToken: 'constant' };
  expect(isRepeat({ ...request, [field]: a }, { ...request, [field]: b })).toBe(false);
});

it('knows no request again that has no token', () => {
  expect(contentOf({})).toBeUndefined();
  expect(isRepeat({}, {})).toBe(false);
});
