import fc from 'fast-check';
import { THING_NAME_PATTERN } from '../domain/limits';
import {
  mayAskBroker,
  matchesFilter,
  mayPublish,
  maySubscribe,
  notifyTopics,
  ownerOf,
  parseDeviceTopic,
  receptionOf,
} from './topics';

const PREFIXES = ['$emqx/things', '$aws/things', 'fleet', 'a/b/c/d'];
const prefix = fc.constantFrom(...PREFIXES);
const thingName = fc
  .stringMatching(/^[A-Za-z0-9:_.-]{1,128}$/)
  .filter((name) => THING_NAME_PATTERN.test(name));
const jobId = fc.uuid();

describe('parseDeviceTopic', () => {
  test('requests, under every prefix', () => {
    fc.assert(
      fc.property(prefix, thingName, jobId, (p, t, j) => {
        const parse = (rest: string) => parseDeviceTopic(PREFIXES, `${p}/${t}/jobs/${rest}`);
        const own = { prefix: p, thingName: t };
        expect(parse('get')).toEqual({ ...own, action: 'get' });
        expect(parse('start-next')).toEqual({ ...own, action: 'start-next' });
        expect(parse(`${j}/get`)).toEqual({ ...own, action: 'describe', jobId: j });
        expect(parse('$next/get')).toEqual({ ...own, action: 'describe', jobId: '$next' });
        expect(parse(`${j}/update`)).toEqual({ ...own, action: 'update', jobId: j });
      }),
    );
  });

  test.each([
    '',
    '/',
    '/update',
    '/get/',
    '/get/get/get',
    '/start-next/now',
    '/j1',
    '/j1/start-next',
    '/j1/update/now',
    '/j1/Update',
    '/$next/update',
    '/a b/get',
    `/${'j'.repeat(65)}/get`,
  ])('jobs%s is no request', (rest) => {
    expect(parseDeviceTopic(PREFIXES, `fleet/t1/jobs${rest}`)).toEqual({
      prefix: 'fleet',
      thingName: 't1',
      action: 'invalid',
    });
  });

  test.each(['notify', 'notify-next', 'get/accepted', 'j1/update/rejected', 'a/b/c/accepted'])(
    'jobs/%s is an answer',
    (rest) => {
      expect(parseDeviceTopic(PREFIXES, `$aws/things/t1/jobs/${rest}`)).toMatchObject({ action: 'answer' });
    },
  );

  test.each([
    'fleet/t1',
    'fleet/t1/shadow',
    'other/t1/jobs/get',
    'fleet//jobs/get',
    'fleet/a b/jobs/get',
    '',
  ])('"%s" is none of Muster', (topic) => {
    expect(parseDeviceTopic(PREFIXES, topic)).toBeUndefined();
  });
});

test('notifications go out under every prefix', () => {
  expect(notifyTopics(['$emqx/things', 'fleet'], 't1')).toEqual({
    notify: ['$emqx/things/t1/jobs/notify', 'fleet/t1/jobs/notify'],
    notifyNext: ['$emqx/things/t1/jobs/notify-next', 'fleet/t1/jobs/notify-next'],
  });
});

describe('a thing uses its own topics only', () => {
  test('requests may be published, answers may not', () => {
    expect(mayPublish(PREFIXES, 't1', 'fleet/t1/jobs/get')).toBe(true);
    expect(mayPublish(PREFIXES, 't1', 'fleet/t1/jobs/one/level/too/many')).toBe(true);
    expect(mayPublish(PREFIXES, 't1', 'fleet/t1/jobs/get/accepted')).toBe(false);
    expect(mayPublish(PREFIXES, 't1', 'fleet/t1/jobs/notify')).toBe(false);
  });

  test.each([
    'fleet/t1/jobs/#',
    'fleet/t1/#',
    'fleet/t1/jobs/+/get/accepted',
    '$aws/things/t1/jobs/notify-next',
  ])('may subscribe to %s', (filter) => {
    expect(maySubscribe(PREFIXES, 't1', filter)).toBe(true);
  });

  test.each([
    '#',
    '+/#',
    'fleet/#',
    'fleet/+/jobs/#',
    'fleet/t1',
    'fleet/t10/jobs/#',
    'fleet/t/jobs/#',
    '$share/g/fleet/t1/jobs/#',
    '$SYS/#',
    '/fleet/t1/#',
  ])('may not subscribe to %s', (filter) => {
    expect(maySubscribe(PREFIXES, 't1', filter)).toBe(false);
  });

  test('never those of another thing', () => {
    fc.assert(
      fc.property(prefix, thingName, thingName, fc.string(), (p, mine, other, rest) => {
        fc.pre(mine !== other);
        expect(mayPublish(PREFIXES, mine, `${p}/${other}/${rest}`)).toBe(false);
        expect(maySubscribe(PREFIXES, mine, `${p}/${other}/${rest}`)).toBe(false);
      }),
    );
  });
});

test('the owner of a topic or a filter', () => {
  expect(ownerOf(PREFIXES, 'a/b/c/d/t1/jobs/#')).toBe('t1');
  expect(ownerOf(PREFIXES, 'other/t1/jobs/#')).toBeUndefined();
});

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['a/b/c', 'a/b', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b/d', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'b/c', false],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/b', true],
])('filter %s on topic %s: %s', (filter, topic, matches) => {
  expect(matchesFilter(filter, topic)).toBe(matches);
});

test('of several filters that match the highest quality counts, in whatever order they are', () => {
  const topic = 'fleet/t1/jobs/notify';
  const matching = fc.constantFrom(topic, 'fleet/t1/jobs/#', 'fleet/+/jobs/+', 'fleet/t1/#');
  const other = fc.constantFrom('fleet/t1/jobs/get', 'fleet/t2/#', 'fleet/t1');
  const qos = fc.constantFrom(0, 1, 2);
  fc.assert(
    fc.property(
      fc.array(fc.record({ topic: matching, qos })),
      fc.array(fc.record({ topic: other, qos })),
      fc.nat(),
      (some, others, at) => {
        const cut = at % (some.length + 1);
        const mixed = [...some.slice(cut), ...others, ...some.slice(0, cut)];
        const highest = some.length === 0 ? undefined : Math.max(...some.map((one) => one.qos));
        expect(receptionOf(mixed, topic)?.qos).toBe(highest);
      },
    ),
  );
});

test('at a broker of others a thing may publish what Muster hears of, and beside jobs what it likes', () => {
  const may = (topic: string) => mayAskBroker(['fleet/things'], 't1', topic);
  expect(
    ['jobs/get', 'jobs/start-next', 'jobs/j1/get', 'jobs/j1/update', 'state'].map((t) =>
      may(`fleet/things/t1/${t}`),
    ),
  ).toEqual(Array(5).fill(true));
  expect(
    ['jobs', 'jobs/j1/update/more', 'jobs/get/accepted', 'jobs/notify'].map((t) =>
      may(`fleet/things/t1/${t}`),
    ),
  ).toEqual(Array(4).fill(false));
  expect(may('fleet/things/t2/jobs/get')).toBe(false);
});
