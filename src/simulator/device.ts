import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type MqttClient } from 'mqtt';
import type { DevicePlan } from './plan';

/** What a thing connects with: the `mqttCredentials` that registering it answered. */
export interface DeviceCredentials {
  clientId: string;
  username: string;
  password: string;
}

export interface DeviceOptions {
  /** The broker, e.g. `mqtt://127.0.0.1:1883`. */
  url: string;
  thingName: string;
  credentials: DeviceCredentials;
  plan: DevicePlan;
  /** What stands before the thing's name in its topics. Default `$emqx/things`. */
  topicPrefix?: string;
  /** Milliseconds without an answer after which a request is sent again. Default 15,000. */
  answerTimeoutMs?: number;
  /** Called with each report as soon as the device hears that it was accepted. */
  onAccepted?(report: AcceptedReport): void;
}

/** A change of an execution that the device made. */
export interface AcceptedReport {
  jobId: string;
  executionNumber: number;
  versionNumber: number;
  status: string;
}

/** The parts of an execution that a device acts on. */
interface Execution {
  jobId: string;
  executionNumber: number;
  versionNumber: number;
}

interface Answer {
  execution?: Execution;
  clientToken?: string;
  code?: string;
  message?: string;
  executionState?: { status: string; versionNumber: number };
}

interface Request {
  send(): void;
  answered(accepted: boolean, answer: Answer): void;
  givenUp(reason: Error): void;
}

/** The service said no for good. */
class Rejection extends Error {
  constructor(
    action: string,
    readonly answer: Answer,
  ) {
    super(`${action} was rejected: ${answer.code} ${answer.message}`);
  }
}

/** Rejections that say "not now" rather than "no". */
const PASSING = new Set(['RequestThrottled', 'InternalError']);

/** A broker that does not take a goodbye within this time is left without one. */
const LEAVE_MS = 3_000;

/** Repeats come at longer and longer intervals, up to this many times the first. */
const MAX_BACK_OFF = 8;

const ANSWERS = [
  'notify',
  'notify-next',
  'get/accepted',
  'get/rejected',
  'start-next/accepted',
  'start-next/rejected',
  '+/get/+',
  '+/update/+',
];

/**
 * One simulated thing: an MQTT 3.1.1 client with a session of its own that takes its jobs one after another and
 * does with each what its plan says. A request keeps its clientToken until it is answered, however often it has to
 * be sent: the service recognises the repeat.
 */
export class Device {
  /** By job id: the status last accepted from this device, or the one that the service told it instead. */
  readonly outcomes = new Map<string, string>();
  /** The latest thing that went wrong, in words. */
  trouble?: string;

  private readonly topicBase: string;
  private readonly requests = new Map<string, Request>();
  private readonly stopping = new AbortController();
  private client?: MqttClient;
  /** It may have something to take: asked for as soon as it is free. */
  private wanted = false;
  private busy = false;

  constructor(private readonly options: DeviceOptions) {
    this.topicBase = `${options.topicPrefix ?? '$emqx/things'}/${options.thingName}/jobs/`;
  }

  get thingName(): string {
    return this.options.thingName;
  }

  get connected(): boolean {
    return this.client?.connected ?? false;
  }

  /** Taking, running or reporting a job, or about to. */
  get working(): boolean {
    return this.busy || this.wanted;
  }

  /** Connects, and from then on reconnects by itself until it is stopped. */
  connect(): void {
    if (this.stopping.signal.aborted) return;
    this.client = connect(this.options.url, {
      ...this.options.credentials,
      protocolVersion: 4,
      clean: false,
      // It may be refused only because the broker is still starting.
      reconnectOnConnackError: true,
      // Spread, so that a broker that comes back is not met by the whole fleet at once.
      reconnectPeriod: 1_000 + Math.random() * 2_000,
    });
    this.client.on('connect', () => void this.greet());
    this.client.on('message', (topic, payload) => this.receive(topic, payload));
    this.client.on('error', (error) => (this.trouble = error.message));
  }

  /** Is gone at once, without a word; its session stays with the broker. */
  crash(): void {
    this.client?.stream.destroy();
  }

  /** Leaves whatever it is doing and disconnects; its session stays with the broker. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const request of this.requests.values()) request.givenUp(new Error('The device was stopped.'));
    const client = this.client;
    if (!client) return;
    await Promise.race([client.endAsync(!client.connected), sleep(LEAVE_MS, undefined, { ref: false })]);
    client.end(true);
  }

  private async greet(): Promise<void> {
    try {
      await this.client?.subscribeAsync(
        ANSWERS.map((answer) => this.topicBase + answer),
        { qos: 1 },
      );
    } catch (error) {
      // The connection broke again or the broker refused the topics.
      this.trouble = `subscribing failed: ${String(error)}`;
      return;
    }
    for (const request of this.requests.values()) request.send();
    this.takeWork();
  }

  private receive(topic: string, payload: Buffer): void {
    let answer: Answer;
    try {
      answer = JSON.parse(payload.toString()) as Answer;
    } catch {
      this.trouble = `${topic} carried something that is not JSON`;
      return;
    }
    const name = topic.slice(this.topicBase.length);
    if (name === 'notify-next') this.notified(answer);
    else if (answer.clientToken) {
      this.requests.get(answer.clientToken)?.answered(name.endsWith('/accepted'), answer);
    }
  }

  private notified({ execution }: Answer): void {
    if (execution) this.takeWork();
    else this.wanted = false;
  }

  private takeWork(): void {
    if (this.options.plan.outcome === 'silent') return;
    this.wanted = true;
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.wanted && !this.stopping.signal.aborted) {
      this.wanted = false;
      try {
        const { execution } = await this.request('start-next', {});
        if (execution) await this.run(execution);
      } catch (error) {
        // A job that was canceled or deleted meanwhile is given up; the next one is announced.
        if (!this.stopping.signal.aborted) this.trouble = (error as Error).message;
      }
    }
    this.busy = false;
  }

  private async run(execution: Execution): Promise<void> {
    const { outcome, durationMs, reports } = this.options.plan;
    this.accepted(execution, 'IN_PROGRESS', execution.versionNumber);
    if (outcome === 'REJECTED') {
      await this.report(execution, outcome, { reason: 'not for this model' });
      return;
    }
    for (let report = 1; report <= reports; report++) {
      await this.pass(durationMs / (reports + 1));
      await this.report(execution, 'IN_PROGRESS', { progress: percent(report / (reports + 1)) });
    }
    await this.pass(durationMs / (reports + 1));
    await this.report(
      execution,
      outcome,
      outcome === 'FAILED' ? { reason: 'checksum mismatch' } : { progress: '100%' },
    );
  }

  private async report(
    execution: Execution,
    status: string,
    statusDetails: Record<string, string>,
  ): Promise<void> {
    const { jobId, executionNumber } = execution;
    try {
      const { executionState } = await this.request(`${jobId}/update`, {
        status,
        statusDetails,
        executionNumber,
        includeJobExecutionState: true,
      });
      this.accepted(execution, status, executionState?.versionNumber ?? 0);
    } catch (error) {
      const told = error instanceof Rejection && error.answer.executionState;
      if (told) this.outcomes.set(jobId, told.status);
      throw error;
    }
  }

  private accepted({ jobId, executionNumber }: Execution, status: string, versionNumber: number): void {
    this.outcomes.set(jobId, status);
    this.options.onAccepted?.({ jobId, executionNumber, versionNumber, status });
  }

  /** Asks until it is answered; throws a Rejection when the answer is no. */
  private async request(action: string, body: object): Promise<Answer> {
    const clientToken = randomUUID();
    for (;;) {
      const { accepted, answer } = await this.ask(action, { ...body, clientToken });
      if (accepted) return answer;
      if (!PASSING.has(answer.code ?? '')) throw new Rejection(action, answer);
      await this.pass(this.answerTimeoutMs);
    }
  }

  private ask(action: string, body: { clientToken: string }): Promise<{ accepted: boolean; answer: Answer }> {
    return new Promise((resolve, reject) => {
      // While disconnected nothing is queued up: greeting the broker sends what is still unanswered.
      const send = () => {
        if (this.connected) this.client?.publish(this.topicBase + action, JSON.stringify(body), { qos: 1 });
      };
      // A service that is slow is not helped by being asked ever more.
      const repeatAfter = (backOff: number): NodeJS.Timeout =>
        setTimeout(() => {
          send();
          repeat = repeatAfter(Math.min(2 * backOff, MAX_BACK_OFF));
        }, this.answerTimeoutMs * backOff);
      let repeat = repeatAfter(1);
      const settle = () => {
        clearTimeout(repeat);
        this.requests.delete(body.clientToken);
      };
      this.requests.set(body.clientToken, {
        send,
        answered(accepted, answer) {
          settle();
          resolve({ accepted, answer });
        },
        givenUp(reason) {
          settle();
          reject(reason);
        },
      });
      send();
    });
  }

  private get answerTimeoutMs(): number {
    return this.options.answerTimeoutMs ?? 15_000;
  }

  private async pass(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal });
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
