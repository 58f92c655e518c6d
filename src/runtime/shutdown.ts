import type { Logger } from 'pino';
import { withDeadline } from './deadline';

interface Step {
  part: string;
  limitMs: number;
  stop: () => void | Promise<void>;
}

/** Whoever stops a process waits for 15 s before it kills. */
const ALL_WITHIN_MS = 14_000;
/** Also a part whose turn comes late is told to stop. */
const AT_LEAST_MS = 100;

/** What has been started, to be stopped in reverse: after a stop signal, or when a later part could not start. */
export class Shutdown {
  private readonly steps: Step[] = [];
  private running?: Promise<void>;

  constructor(private readonly log: Logger) {}

  /** @param limitMs how long the others wait for this part, while all of them together stay below 15 s */
  add(part: string, limitMs: number, stop: Step['stop']): void {
    this.steps.push({ part, limitMs, stop });
  }

  /** Stops everything, once however often it is called. A part that fails or hangs does not hold up the others. */
  run(): Promise<void> {
    this.running ??= this.stopAll();
    return this.running;
  }

  private async stopAll(): Promise<void> {
    const end = Date.now() + ALL_WITHIN_MS;
    for (const { part, limitMs, stop } of this.steps.reverse()) {
      const limit = Math.max(AT_LEAST_MS, Math.min(limitMs, end - Date.now()));
      try {
        await withDeadline(Promise.resolve(stop()), limit, `stopping the ${part}`);
      } catch (error) {
        this.log.warn({ err: error }, `The ${part} did not stop cleanly`);
      }
    }
  }
}
