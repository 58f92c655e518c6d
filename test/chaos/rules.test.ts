/** The rules of the chaos run find what they are there to find. */
import { attemptsOf, type Transition } from './attempts';
import { Membership } from './membership';
import { newJob, type KnownJob } from './operator';
import { brokenRules } from './rules';

const MINUTE = 60_000;
const at = (minutes: number) => ({ from: minutes * MINUTE, to: minutes * MINUTE + 100 });

function jobOf(fields: Partial<KnownJob>): KnownJob {
  const timeouts = { queuedTimeoutInMinutes: 60, inProgressTimeoutInMinutes: 60 };
  return newJob({
    jobId: 'j',
    jobType: 'CONTINUOUS',
    groupName: 'g',
    thingNames: [],
    createdAt: at(2),
    ...timeouts,
    ...fields,
  });
}

/** `3 QUEUED` and the like: the status after so many minutes; each QUEUED begins an attempt. */
function history(...steps: string[]) {
  let [executionNumber, versionNumber, from] = [0, 0, null as string | null];
  const transitions = steps.map((step): Transition => {
    const [minutes, to = '', by = 'device'] = step.split(' ');
    if (to === 'QUEUED') [executionNumber, versionNumber, from] = [executionNumber + 1, 0, null];
    const transition = { executionNumber, versionNumber: ++versionNumber, from, to, by };
    from = to;
    return { ...transition, at: new Date(Number(minutes) * MINUTE).toISOString() };
  });
  return attemptsOf(transitions);
}

/** `1 in`, `5 out` and the like, in minutes. */
function membership(...changes: string[]): Membership {
  const made = new Membership();
  for (const change of changes) {
    const [minutes, way] = change.split(' ');
    const [add, remove] = way === 'in' ? [['t'], []] : [[], ['t']];
    made.note('g', { add, remove }, at(Number(minutes)));
  }
  return made;
}

const DONE = ['3 QUEUED', '4 IN_PROGRESS', '5 SUCCEEDED'];

test.each<[string, Partial<KnownJob>, string[], string[], string | undefined]>([
  ['what was done in the group', {}, ['1 in'], DONE, undefined],
  ['two attempts without a leave', {}, ['1 in'], [...DONE, '6 QUEUED', '7 REJECTED'], 'has come 1 times'],
  [
    'a new attempt after a return',
    {},
    ['1 in', '6 out', '9 in'],
    [...DONE, '10 QUEUED', '11 FAILED'],
    undefined,
  ],
  ['no new attempt after a return', {}, ['1 in', '6 out', '9 in'], DONE, 'got no new one'],
  ['a return before anybody has looked', {}, ['1 in', '6 out', '6.2 in'], DONE, undefined],
  [
    'a return of one at work',
    {},
    ['1 in', '6 out', '9 in'],
    ['3 QUEUED', '4 IN_PROGRESS', '20 SUCCEEDED'],
    undefined,
  ],
  ['one that left and was removed', {}, ['1 in', '5 out'], ['3 QUEUED', '5.1 REMOVED muster'], undefined],
  [
    'one that left and stayed QUEUED',
    {},
    ['1 in', '5 out'],
    ['3 QUEUED', '9 IN_PROGRESS', '9 FAILED'],
    'stayed QUEUED',
  ],
  [
    'one that was launched outside',
    {},
    ['1 in', '5 out'],
    ['9 QUEUED', '9.1 REMOVED muster'],
    'outside of the group',
  ],
  [
    'a launch after the cancel',
    { canceledAt: 4 * MINUTE },
    ['1 in'],
    ['5 QUEUED', '5.1 CANCELED x'],
    'was launched after',
  ],
  ['a start after the cancel', { canceledAt: 3.5 * MINUTE }, ['1 in'], DONE, 'was started after'],
  ['work that goes on after the cancel', { canceledAt: 4.5 * MINUTE }, ['1 in'], DONE, undefined],
  [
    'the same after one with force',
    { canceledAt: 4.5 * MINUTE, forcedAt: 4.5 * MINUTE },
    ['1 in'],
    DONE,
    'went on after',
  ],
  [
    'a second attempt in a SNAPSHOT job',
    { jobType: 'SNAPSHOT' },
    [],
    [...DONE, '6 QUEUED', '7 FAILED'],
    '2 attempts',
  ],
  [
    'a cancellation that came to nothing',
    { jobType: 'SNAPSHOT', canceledExecutions: new Map([['t', 1]]) },
    [],
    DONE,
    'is SUCCEEDED',
  ],
])('%s', (_, job, changes, steps, broken) => {
  const found = brokenRules({ ...jobOf(job), ...job }, 't', history(...steps), {
    membership: membership(...changes),
    strikes: [],
  });
  expect(found).toEqual(broken === undefined ? [] : [expect.stringContaining(broken)]);
});

test('time in which something was struck does not count', () => {
  const changes = membership('1 in', '5 out');
  const attempts = history('3 QUEUED', '9 IN_PROGRESS', '9 FAILED');
  const strikes = [{ from: 5 * MINUTE, to: 8.5 * MINUTE }];
  expect(brokenRules(jobOf({}), 't', attempts, { membership: changes, strikes })).toEqual([]);
});
