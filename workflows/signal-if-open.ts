import { log, type SignalDefinition } from '@temporalio/workflow';

interface Receiver {
  readonly workflowId: string;
  signal<Args extends unknown[]>(definition: SignalDefinition<Args>, ...args: Args): Promise<void>;
}

/** To a workflow that may have closed by itself, or been ended from outside: then it need not hear it. */
export async function signalIfOpen<Args extends unknown[]>(
  receiver: Receiver,
  definition: SignalDefinition<Args>,
  ...args: Args
): Promise<void> {
  try {
    await receiver.signal(definition, ...args);
  } catch (error) {
    log.debug('The receiver of a signal has closed.', { receiver: receiver.workflowId, error });
  }
}
