/** A process of the topology. It keeps its ports and its files, so it can be killed, frozen and started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HAPPENS_WITHIN_MS } from '../support/deadlines';

const RESTART_AFTER_MS = 1_000;
const LOG_TOLD = 4_000;
const LINES_OF_FAULT = 3;

export interface PartOptions {
  /** Unique in the topology, e.g. `worker-1`. */
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  /** User and group to run as; the own ones when left out. */
  user?: { uid: number; gid: number };
  /** Gets what the process writes. */
  logFile: string;
  /** Throws until the part can be used. */
  ready(): Promise<void>;
  /** Asks it to stop. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  /** Starts it again when it ends by a fault of its own, as whoever runs it in production does. Default false. */
  supervised?: boolean;
}

export class Part {
  private child?: ChildProcess;
  /** Its name and last words, each time that it has ended by a fault of its own. */
  readonly faults: string[] = [];

  constructor(private readonly options: PartOptions) {}

  get name(): string {
    return this.options.name;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Of its last end; null while it runs, and after a kill. */
  get exitCode(): number | null {
    return this.child?.exitCode ?? null;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * Starts the process and waits until it can be used.
   * @throws with its last words when it ends first, or is not ready in time
   */
  async start(): Promise<void> {
    const { command, args, env, user, logFile } = this.options;
    const log = fs.openSync(logFile, 'a');
    // A group of its own: a kill takes the processes that it has started along, as a crash of its machine would.
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      detached: true,
      ...user,
    });
    fs.closeSync(log);
    this.child = child;
    if (this.options.supervised) child.once('exit', (code) => this.restartAfterFault(child, code));
    const failed = once(child, 'error').then(([error]) => {
      throw error as Error;
    });
    await Promise.race([this.becomeReady(child), failed]);
  }

  /** Ends it at once, and what it has started. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Asks it to stop, and makes it after 5 minutes. @throws when it had to be made */
  async stop(): Promise<void> {
    const late = setTimeout(() => void this.kill(), HAPPENS_WITHIN_MS);
    const forced = await this.end(this.options.stopSignal ?? 'SIGTERM', true);
    clearTimeout(late);
    if (forced) throw new Error(`${this.name} did not stop within ${HAPPENS_WITHIN_MS / 1000} s`);
  }

  /** Stands still, as a machine that swaps or a paused virtual machine does. */
  freeze(): void {
    this.signal('SIGSTOP');
  }

  thaw(): void {
    this.signal('SIGCONT');
  }

  /** The last that it wrote. */
  lastWords(): string {
    return fs.readFileSync(this.options.logFile, 'utf8').slice(-LOG_TOLD);
  }

  private async becomeReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + HAPPENS_WITHIN_MS;
    for (;;) {
      try {
        return await this.options.ready();
      } catch (error) {
        if (child !== this.child) return; // It was killed and started again meanwhile.
        if (child.exitCode !== null && !this.options.supervised)
          throw new Error(`${this.name} ended with ${child.exitCode}:\n${this.lastWords()}`, {
            cause: error,
          });
        if (child.signalCode !== null) return;
        if (Date.now() > deadline)
          throw new Error(`${this.name} is not ready (${String(error)}):\n${this.lastWords()}`, {
            cause: error,
          });
        await sleep(100);
      }
    }
  }

  private restartAfterFault(child: ChildProcess, code: number | null): void {
    // Whoever killed it or asked it to stop starts it again, if anybody does.
    if (!code || child !== this.child) return;
    const words = this.lastWords().trimEnd().split('\n').slice(-LINES_OF_FAULT);
    this.faults.push(`${this.name}: ${words.join('\n')}`);
    setTimeout(() => {
      if (child !== this.child) return;
      this.start().catch((error: unknown) => console.error(error));
    }, RESTART_AFTER_MS);
  }

  /** @returns whether it ended by SIGKILL though it was asked otherwise */
  private async end(signal: NodeJS.Signals, leaderOnly = false): Promise<boolean> {
    const { child } = this;
    if (!child || !this.running) return false;
    const exited = once(child, 'exit');
    // A frozen process takes no signal but SIGKILL.
    this.signal('SIGCONT');
    if (leaderOnly) child.kill(signal);
    else this.signal(signal);
    await exited;
    return signal !== 'SIGKILL' && child.signalCode === 'SIGKILL';
  }

  private signal(signal: NodeJS.Signals): void {
    const pid = this.child?.pid;
    if (pid === undefined || !this.running) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
