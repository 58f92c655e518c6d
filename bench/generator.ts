/** The load generator's process, as the measurements speak to it. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { LoadReport, Member, ToLoad } from './load';

const CONNECTS_PER_SECOND = 400;

export class Generator {
  private readonly child: ChildProcess = fork(path.join(__dirname, 'load.js'));
  private turn: Promise<unknown> = Promise.resolve();

  get pid(): number {
    return this.child.pid ?? 0;
  }

  connect(broker: { port: number; topicPrefix: string }, members: Member[]): Promise<LoadReport> {
    return this.tell({ do: 'connect', ...broker, members, perSecond: CONNECTS_PER_SECOND });
  }

  reset(): Promise<LoadReport> {
    return this.tell({ do: 'reset' });
  }

  report(): Promise<LoadReport> {
    return this.tell({ do: 'report' });
  }

  /** Lets random devices `get` their list, so many a second; 0: no longer. */
  ask(perSecond: number): Promise<LoadReport> {
    return this.tell({ do: 'ask', perSecond });
  }

  disconnect(): Promise<LoadReport> {
    return this.tell({ do: 'disconnect' });
  }

  stop(): void {
    this.child.kill();
  }

  /** One message at a time: the next answer is the answer to it. */
  private tell(message: ToLoad): Promise<LoadReport> {
    const answer = this.turn.then(async () => {
      this.child.send(message);
      const [report] = (await once(this.child, 'message')) as [LoadReport];
      return report;
    });
    this.turn = answer;
    return answer;
  }
}
