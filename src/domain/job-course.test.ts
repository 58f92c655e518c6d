import fc from 'fast-check';
import { courseOf, mayFinish, neverLaunched, stillToLaunch, type Standing } from './job-course';
import { EXECUTION_STATUSES, JOB_STATUSES, noExecutions, type ExecutionCounts } from './statuses';

const standing = (changes: Partial<Standing>): Standing => ({
  status: 'IN_PROGRESS',
  forceCanceled: false,
  executionCounts: noExecutions(),
  targetCounts: { total: 0, launched: 0, notLaunched: 0 },
  ...changes,
});
const executions = (counts: Partial<ExecutionCounts>) => ({ ...noExecutions(), ...counts });

describe('the course of a job', () => {
  it('says how far it is launched, as long as it is in progress', () => {
    const targetCounts = { total: 5_000, launched: 75, notLaunched: 4_925 };
    const job = standing({ targetCounts });
    expect(courseOf(job)).toEqual({ kind: 'LAUNCHING', done: 75, total: 5_000 });
    expect(neverLaunched(job)).toBe(0);

    const over = standing({ status: 'CANCELED', targetCounts });
    expect(courseOf(over)).toBeUndefined();
    expect(neverLaunched(over)).toBe(4_925);
  });

  it('says how far it is canceled: without force devices at work are left to finish', () => {
    const executionCounts = executions({ CANCELED: 264, QUEUED: 4_736, IN_PROGRESS: 53, SUCCEEDED: 9 });
    const job = standing({ status: 'CANCELED', executionCounts });
    expect(courseOf(job)).toEqual({ kind: 'CANCELING', done: 264, total: 5_000 });
    expect(mayFinish(job)).toBe(53);

    const forced = { ...job, forceCanceled: true };
    expect(courseOf(forced)).toEqual({ kind: 'CANCELING', done: 264, total: 5_053 });
    expect(mayFinish(forced)).toBe(0);
  });

  it('is never done while it is told, and tells of the rest in one way only', () => {
    const n = fc.nat(3);
    const anyJob: fc.Arbitrary<Standing> = fc
      .record({
        status: fc.constantFrom(...JOB_STATUSES),
        forceCanceled: fc.boolean(),
        executionCounts: fc.record(
          Object.fromEntries(EXECUTION_STATUSES.map((status) => [status, n])) as Record<
            keyof ExecutionCounts,
            typeof n
          >,
        ),
        launched: n,
        notLaunched: n,
      })
      .map(({ launched, notLaunched, ...job }) => ({
        ...job,
        targetCounts: { total: launched + notLaunched, launched, notLaunched },
      }));
    fc.assert(
      fc.property(anyJob, (job) => {
        const course = courseOf(job);
        if (course) expect(course.done).toBeLessThan(course.total);
        expect(stillToLaunch(job) + neverLaunched(job)).toBe(job.targetCounts.notLaunched);
        expect(course?.kind === 'LAUNCHING').toBe(stillToLaunch(job) > 0);
      }),
    );
  });
});
