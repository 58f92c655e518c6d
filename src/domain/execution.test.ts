import fc from 'fast-check';
import {
  decide,
  nextDeadline,
  nextTimer,
  queuedExecution,
  resumed,
  type ExecutionEvent,
  type ExecutionState,
  type TimeoutConfig,
} from './execution';
import { MINUTE } from './limits';
import { isTerminal, REPORTABLE_STATUSES } from './statuses';

const START = 1_700_000_000_000;

const minutes = fc.double({ min: 1 / 60, max: 10_080, noNaN: true });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const details = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string({ maxLength: 5 }), { maxKeys: 3 });

const timeouts: fc.Arbitrary<TimeoutConfig> = fc.record({
  inProgressTimeoutInMinutes: optional(minutes),
  queuedTimeoutInMinutes: optional(minutes),
});

/** In a generated timer: it was set for the deadline that the execution has when it fires. */
const SET_FOR_NOW = -1;

const event: fc.Arbitrary<ExecutionEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('start-next' as const),
    statusDetails: optional(details),
    stepTimeoutInMinutes: optional(minutes),
  }),
  fc.record({
    kind: fc.constant('update' as const),
    status: fc.constantFrom(...REPORTABLE_STATUSES),
    statusDetails: optional(details),
    expectedVersion: optional(fc.integer({ min: 1, max: 4 })),
    executionNumber: optional(fc.integer({ min: 1, max: 2 })),
    stepTimeoutInMinutes: optional(fc.oneof(minutes, fc.constant(-1))),
  }),
  fc.record({ kind: fc.constant('cancel' as const), force: fc.boolean() }),
  fc.record({ kind: fc.constant('remove' as const), unlessStarted: optional(fc.boolean()) }),
  fc.constantFrom(SET_FOR_NOW, START).map((deadline) => ({ kind: 'timer' as const, deadline })),
);

const life = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 100 * MINUTE })), { maxLength: 30 });

/** Leads an execution through events and calls back with each decision. */
function live(
  config: TimeoutConfig,
  events: [ExecutionEvent, number][],
  check: (
    before: ExecutionState,
    event: ExecutionEvent,
    after: ReturnType<typeof decide>,
    now: number,
  ) => void,
): ExecutionState {
  let now = START;
  let state = queuedExecution(1, now, config);
  for (const [generated, pause] of events) {
    const isSetForNow = generated.kind === 'timer' && generated.deadline === SET_FOR_NOW;
    const next = isSetForNow ? { ...generated, deadline: nextDeadline(state) ?? SET_FOR_NOW } : generated;
    now += pause;
    const decision = decide(state, next, now, config);
    check(state, next, decision, now);
    if (decision.accepted) state = decision.next;
  }
  return state;
}

describe('the life of an execution', () => {
  it('never leaves a terminal status', () => {
    fc.assert(
      fc.property(timeouts, life, (config, events) => {
        live(config, events, (before, { kind }, decision) => {
          if (isTerminal(before.status) && kind !== 'timer') expect(decision.accepted).toBe(false);
          if (isTerminal(before.status) && decision.accepted) expect(decision.next).toEqual(before);
        });
      }),
    );
  });

  it('counts the version up by one with each recorded change, and by nothing else', () => {
    fc.assert(
      fc.property(timeouts, life, (config, events) => {
        live(config, events, (before, _event, decision) => {
          if (!decision.accepted) return;
          const step = decision.next.versionNumber - before.versionNumber;
          expect(step).toBe(decision.changed ? 1 : 0);
          if (!decision.changed) expect(decision.next.status).toBe(before.status);
        });
      }),
    );
  });

  it('times out when the timer of its nearer deadline fires, whatever the clock says, and by no other one', () => {
    fc.assert(
      fc.property(timeouts, life, (config, events) => {
        live(config, events, (before, fired, decision) => {
          if (fired.kind !== 'timer' || isTerminal(before.status)) return;
          const isDue = nextDeadline(before) === fired.deadline;
          expect(decision.accepted && decision.next.status === 'TIMED_OUT').toBe(isDue);
          if (isDue && decision.accepted)
            expect(decision.next.finishedAt).toBeGreaterThanOrEqual(fired.deadline);
        });
      }),
    );
  });

  it('lets an execution that is at work finish when its thing has left the groups of the job', () => {
    fc.assert(
      fc.property(timeouts, life, (config, events) => {
        live(config, events, (before, asked, decision) => {
          if (asked.kind !== 'remove' || isTerminal(before.status) || !decision.accepted) return;
          const stays = asked.unlessStarted === true && before.status === 'IN_PROGRESS';
          expect(decision.next.status).toBe(stays ? 'IN_PROGRESS' : 'REMOVED');
        });
      }),
    );
  });

  it('lets no step timer outlive the in-progress timer', () => {
    fc.assert(
      fc.property(minutes, minutes, life, (inProgress, step, events) => {
        const config = { inProgressTimeoutInMinutes: inProgress };
        const begin: [ExecutionEvent, number] = [{ kind: 'start-next', stepTimeoutInMinutes: step }, 0];
        live(config, [begin, ...events], (before) => {
          if (before.status !== 'IN_PROGRESS') return;
          const latest = START + Math.round(inProgress * MINUTE);
          expect(nextDeadline(before)).toBeLessThanOrEqual(latest);
        });
      }),
    );
  });

  it('keeps statusDetails that a report leaves out', () => {
    const started = accept(queuedExecution(1, START, {}), {
      kind: 'start-next',
      statusDetails: { step: '1' },
    });
    const reported = accept(started, { kind: 'update', status: 'IN_PROGRESS' });
    expect(reported.statusDetails).toEqual({ step: '1' });
    expect(accept(reported, { kind: 'update', status: 'FAILED', statusDetails: {} }).statusDetails).toEqual(
      {},
    );
  });

  it('replaces a running step timer from the moment of the report, and clears it with -1', () => {
    const started = accept(queuedExecution(1, START, {}), { kind: 'start-next', stepTimeoutInMinutes: 10 });
    const moved = accept(
      started,
      { kind: 'update', status: 'IN_PROGRESS', stepTimeoutInMinutes: 5 },
      START + MINUTE,
    );
    expect(nextDeadline(moved)).toBe(START + 6 * MINUTE);
    expect(nextTimer(moved)).toBe('step');
    expect(
      nextDeadline(accept(moved, { kind: 'update', status: 'IN_PROGRESS', stepTimeoutInMinutes: -1 })),
    ).toBeUndefined();
  });

  it('returns an execution that is IN_PROGRESS to start-next as it is', () => {
    const started = accept(queuedExecution(1, START, {}), { kind: 'start-next', statusDetails: { a: '1' } });
    const again = decide(started, { kind: 'start-next', statusDetails: { a: '2' } }, START + 1, {});
    expect(again).toEqual({ accepted: true, changed: false, next: started });
  });

  it('cancels what is IN_PROGRESS only with force', () => {
    const started = accept(queuedExecution(1, START, {}), { kind: 'start-next' });
    expect(decide(started, { kind: 'cancel', force: false }, START, {})).toMatchObject({
      code: 'InvalidStateTransition',
    });
    expect(accept(started, { kind: 'cancel', force: true }).status).toBe('CANCELED');
  });

  it('refuses the version and the attempt that are not the current ones', () => {
    const state = queuedExecution(2, START, {});
    const report = { kind: 'update', status: 'IN_PROGRESS' } as const;
    expect(decide(state, { ...report, expectedVersion: 2 }, START, {})).toMatchObject({
      code: 'VersionMismatch',
    });
    expect(decide(state, { ...report, executionNumber: 1 }, START, {})).toMatchObject({
      code: 'ResourceNotFound',
    });
    expect(accept(state, { ...report, expectedVersion: 1, executionNumber: 2 }).versionNumber).toBe(2);
  });
});

function accept(state: ExecutionState, next: ExecutionEvent, now = START): ExecutionState {
  const decision = decide(state, next, now, {});
  if (!decision.accepted) throw new Error(`refused: ${decision.message}`);
  return decision.next;
}

it('comes back from its record with the same deadlines', () => {
  fc.assert(
    fc.property(timeouts, life, (config, events) => {
      live(config, events, (_before, _event, decision) => {
        if (!decision.accepted) return;
        const recorded = { ...decision.next, statusDeadline: undefined, stepDeadline: undefined };
        const back = resumed(recorded, nextDeadline(decision.next), config);
        expect(nextDeadline(back)).toBe(nextDeadline(decision.next));
        expect(back.statusDeadline).toBe(decision.next.statusDeadline);
      });
    }),
  );
});
