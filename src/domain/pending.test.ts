import fc from 'fast-check';
import { notificationsFor } from './pending';
import { EXECUTION_STATUSES, isTerminal } from './statuses';

describe('what a device is told', () => {
  const jobId = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined });
  const from = fc.option(fc.constantFrom(...EXECUTION_STATUSES), { nil: undefined });

  it('tells of the list exactly when an execution joins or leaves it, and of the head when it is another', () => {
    fc.assert(
      fc.property(
        from,
        fc.constantFrom(...EXECUTION_STATUSES),
        jobId,
        jobId,
        (before, to, headBefore, headAfter) => {
          const told = notificationsFor({ from: before, to, headBefore, headAfter });
          const was = before !== undefined && !isTerminal(before);
          expect(told.list).toBe(was ? isTerminal(to) : !isTerminal(to));
          expect(told.head).toBe(headBefore !== headAfter);
        },
      ),
    );
  });

  it('tells nothing when a device starts the head', () => {
    expect(notificationsFor({ from: 'QUEUED', to: 'IN_PROGRESS', headBefore: 'a', headAfter: 'a' })).toEqual({
      list: false,
      head: false,
    });
  });
});
