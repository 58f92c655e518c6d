import { ApplicationFailure, log, sleep, type SignalDefinition } from '@temporalio/workflow';

interface Receiver {
  readonly workflowId: string;
  signal<Args extends unknown[]>(definition: SignalDefinition<Args>, ...args: Args): Promise<void>;
}

/**
 * To a workflow that may have closed by itself, or been ended from outside: then it need not hear it. Temporal refuses
 * a signal also where a run has had 10,000 of them; the receiver continues as new long before, so it is sent again.
 */
export async function signalIfOpen<Args extends unknown[]>(
  receiver: Receiver,
  definition: SignalDefinition<Args>,
  ...args: Args
): Promise<void> {
  for (;;) {
    try {
      return await receiver.signal(definition, ...args);
    } catch (error) {
      if (!isRefused(error)) throw error;
      if (hasClosed(error))
        return log.debug('The receiver of a signal has closed.', { receiver: receiver.workflowId });
      await sleep('5s', { summary: `until ${receiver.workflowId} takes signals again` });
    }
  }
}

function isRefused(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure;
}

/** The type is the cause's name in Temporal, in whichever spelling. */
function hasClosed({ type }: ApplicationFailure): boolean {
  return /not_?found/i.test(type ?? '');
}
