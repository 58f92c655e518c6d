/**
 * The cheapest device that speaks the protocol: MQTT 3.1.1 by mqtt-packet on a bare socket, so that ten thousand of
 * them leave the machine to what is measured. It takes each job and reports its success at once.
 */
import { connect, type Socket } from 'node:net';
import { generate, parser, type Packet } from 'mqtt-packet';

export interface DeviceOptions {
  port: number;
  topicPrefix: string;
  thingName: string;
  credentials: { clientId: string; username: string; password: string };
  on: DeviceEvents;
}

export interface DeviceEvents {
  /** First told of a job. */
  notified(jobId: string): void;
  /** Milliseconds from the request until its answer. */
  answered(action: 'get' | 'start-next' | 'update', ms: number): void;
  done(jobId: string): void;
  failed(reason: string): void;
}

interface Execution {
  jobId: string;
  executionNumber: number;
}

export class Device {
  private readonly base: string;
  private socket?: Socket;
  private messageId = 0;
  private working = false;
  private wanted = false;
  private asked?: { action: string; at: number };

  constructor(private readonly options: DeviceOptions) {
    this.base = `${options.topicPrefix}/${options.thingName}/jobs/`;
  }

  /** Resolves when its subscriptions are granted. */
  connect(): Promise<void> {
    const { port, credentials, on } = this.options;
    return new Promise((resolve, reject) => {
      const incoming = parser({ protocolVersion: 4 });
      const socket = connect(port, '127.0.0.1');
      this.socket = socket;
      socket.setNoDelay(true);
      socket.on('data', (data) => incoming.parse(data));
      socket.on('error', reject);
      socket.on('close', () => on.failed('connection closed'));
      incoming.on('packet', (packet: Packet) => {
        if (packet.cmd === 'connack') this.subscribe();
        else if (packet.cmd === 'suback') resolve();
        else if (packet.cmd === 'publish') {
          this.send({ cmd: 'puback', messageId: packet.messageId });
          this.receive(packet.topic, packet.payload as Buffer);
        }
      });
      this.send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: false,
        keepalive: 0,
        ...credentials,
        password: Buffer.from(credentials.password),
      });
    });
  }

  /** Asks for its list. */
  get(): void {
    this.ask('get', {});
  }

  close(): void {
    this.options.on.failed = () => {};
    this.socket?.destroy();
  }

  private subscribe(): void {
    const subscriptions = ['notify-next', 'get/accepted', 'start-next/+', '+/update/+'].map((suffix) => ({
      topic: this.base + suffix,
      qos: 1 as const,
    }));
    this.send({ cmd: 'subscribe', messageId: this.nextId(), subscriptions });
  }

  private receive(topic: string, payload: Buffer): void {
    const suffix = topic.slice(this.base.length);
    const body = JSON.parse(payload.toString()) as { execution?: Execution; code?: string };
    if (suffix === 'notify-next') return this.notified(body.execution);
    const { on } = this.options;
    if (this.asked) on.answered(this.asked.action as 'get', performance.now() - this.asked.at);
    this.asked = undefined;
    if (suffix.endsWith('/rejected')) on.failed(`${suffix}: ${body.code}`);
    else if (suffix === 'start-next/accepted') this.work(body.execution);
    else if (suffix.endsWith('/update/accepted')) {
      on.done(suffix.split('/')[0] ?? '');
      this.working = false;
      if (this.wanted) this.takeNext();
    }
  }

  private notified(execution?: Execution): void {
    if (!execution) return void (this.wanted = false);
    this.options.on.notified(execution.jobId);
    this.wanted = true;
    if (!this.working) this.takeNext();
  }

  private takeNext(): void {
    this.wanted = false;
    this.working = true;
    this.ask('start-next', {});
  }

  private work(execution?: Execution): void {
    if (!execution) return void (this.working = false);
    const { jobId, executionNumber } = execution;
    this.ask(`${jobId}/update`, { status: 'SUCCEEDED', executionNumber });
  }

  private ask(suffix: string, body: object): void {
    this.asked = { action: suffix.split('/').at(-1) ?? '', at: performance.now() };
    this.send({
      cmd: 'publish',
      topic: this.base + suffix,
      payload: JSON.stringify(body),
      qos: 1,
      retain: false,
      dup: false,
      messageId: this.nextId(),
    });
  }

  private nextId(): number {
    this.messageId = (this.messageId % 65_535) + 1;
    return this.messageId;
  }

  private send(packet: Packet): void {
    this.socket?.write(generate(packet));
  }
}
