/** A thing in the field: a real MQTT client that speaks the jobs protocol. */
import type { Socket } from 'node:net';
import mqtt, { type MqttClient } from 'mqtt';
import { HAPPENS_WITHIN_MS } from './deadlines';
import type { Muster } from './muster';

const DEFAULT_PREFIX = '$emqx/things';

export interface Credentials {
  clientId: string;
  username: string;
  password: string;
}

export interface Summary {
  jobId: string;
  versionNumber: number;
}

/** Whatever a device is told: the fields of all answers and notifications that tests look into. */
export interface DeviceBody {
  timestamp: number;
  clientToken?: string;
  inProgressJobs?: Summary[];
  queuedJobs?: Summary[];
  jobs?: { IN_PROGRESS?: Summary[]; QUEUED?: Summary[] };
  execution?: Summary & { status: string; approximateSecondsBeforeTimedOut?: number };
  executionState?: Record<string, unknown>;
  code?: string;
}

export interface DeviceMessage {
  prefix: string;
  /** What stands behind `{prefix}/{thingName}/jobs/`. */
  suffix: string;
  body: DeviceBody;
}

export interface DeviceAnswer {
  accepted: boolean;
  body: DeviceBody;
}

export interface Device {
  name: string;
  client: MqttClient;
  /** Whether the broker still had the session. */
  sessionPresent: boolean;
  /** Everything received, oldest first. */
  messages: DeviceMessage[];
  /** Publishes a request and waits for its answer. A body that is no object goes out as it is. */
  request(suffix: string, body?: unknown, prefix?: string): Promise<DeviceAnswer>;
  /** The first message that no `next` or `request` has taken yet: of this suffix, and as the predicate wants it. */
  next(suffix: string, predicate?: (body: DeviceBody) => boolean, timeoutMs?: number): Promise<DeviceMessage>;
  /** Forgets what was received so far. */
  clear(): void;
  /** Publishes anything; resolves when the broker has acknowledged it, rejects when the connection is closed. */
  publishRaw(
    topic: string,
    payload: string | Buffer,
    options?: { qos?: 0 | 1 | 2; retain?: boolean },
  ): Promise<void>;
  /** Resolves when the connection is closed, by whomever. */
  closed(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface DeviceOptions {
  /** A persistent session where false, which is the default. */
  clean?: boolean;
  /** Prefixes to subscribe under; none: no subscription. */
  prefixes?: string[];
  /** Of MQTT: 4, which is 3.1.1, where left out. With 5 the session is kept for an hour. */
  protocolVersion?: 4 | 5;
}

/** Registers a thing. */
export async function createThing(
  muster: Muster,
  name: string,
  fields: Record<string, unknown> = {},
): Promise<Credentials> {
  const answer = await muster.api('POST', '/things', { name, ...fields });
  if (answer.status !== 201) throw new Error(`POST /things: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { mqttCredentials } = answer.body as { mqttCredentials: Credentials };
  await muster.admit([mqttCredentials]);
  return mqttCredentials;
}

/** Connects a thing and subscribes to all its topics about jobs. Never reconnects by itself. */
export async function connectDevice(
  muster: Pick<Muster, 'mqtt'>,
  credentials: Credentials,
  { clean = false, prefixes = [DEFAULT_PREFIX], protocolVersion = 4 }: DeviceOptions = {},
): Promise<Device> {
  const name = credentials.username;
  const messages: DeviceMessage[] = [];
  const untaken: DeviceMessage[] = [];
  const waiting = new Set<() => void>();

  const client = mqtt.connect(muster.mqtt, {
    ...credentials,
    clean,
    protocolVersion,
    ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 3_600 } }),
    reconnectPeriod: 0,
    connectTimeout: HAPPENS_WITHIN_MS,
  });
  client.on('message', (topic, payload) => {
    const at = topic.indexOf(`/${name}/jobs/`);
    const message = {
      prefix: topic.slice(0, at),
      suffix: topic.slice(at + `/${name}/jobs/`.length),
      body: JSON.parse(payload.toString()) as DeviceBody,
    };
    messages.push(message);
    untaken.push(message);
    for (const look of waiting) look();
  });
  const sessionPresent = await new Promise<boolean>((resolve, reject) => {
    client.once('connect', (connack) => {
      // Its messages are small and many: none is to wait for the acknowledgement of the one before.
      (client.stream as Partial<Socket>).setNoDelay?.(true);
      resolve(connack.sessionPresent);
    });
    client.once('error', reject);
    client.once('close', () => reject(new Error(`${name}: the broker closed the connection`)));
  });
  client.on('error', () => {});
  // Every publish under way has one.
  client.setMaxListeners(0);
  if (prefixes.length > 0) {
    await client.subscribeAsync(
      prefixes.map((prefix) => `${prefix}/${name}/jobs/#`),
      { qos: 1 },
    );
  }

  function take(
    wanted: (message: DeviceMessage) => boolean,
    what: string,
    timeoutMs: number,
  ): Promise<DeviceMessage> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const index = untaken.findIndex(wanted);
        if (index < 0) return;
        done();
        resolve(untaken.splice(index, 1)[0] as DeviceMessage);
      };
      const timer = setTimeout(() => {
        done();
        const got = messages.slice(-10).map(({ suffix, body }) => `${suffix} ${JSON.stringify(body)}`);
        reject(
          new Error(`${name} got no ${what} within ${timeoutMs} ms; the last it got:\n${got.join('\n')}`),
        );
      }, timeoutMs);
      const done = () => {
        clearTimeout(timer);
        waiting.delete(look);
      };
      waiting.add(look);
      look();
    });
  }

  function publishRaw(
    topic: string,
    payload: string | Buffer,
    { qos = 1, retain = false }: { qos?: 0 | 1 | 2; retain?: boolean } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(new Error(`${name}: the broker closed the connection`));
      client.once('close', closed);
      client.publish(topic, payload, { qos, retain }, (error) => {
        client.off('close', closed);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  return {
    name,
    client,
    sessionPresent,
    messages,
    publishRaw,
    async request(suffix, body = {}, prefix = prefixes[0] ?? DEFAULT_PREFIX) {
      const raw = typeof body === 'string' || Buffer.isBuffer(body);
      const answered = take(
        (message) =>
          message.prefix === prefix &&
          (message.suffix === `${suffix}/accepted` || message.suffix === `${suffix}/rejected`),
        `answer to ${suffix}`,
        HAPPENS_WITHIN_MS,
      );
      answered.catch(() => {});
      await publishRaw(`${prefix}/${name}/jobs/${suffix}`, raw ? body : JSON.stringify(body));
      const answer = await answered;
      return { accepted: answer.suffix.endsWith('/accepted'), body: answer.body };
    },
    next: (suffix, predicate = () => true, timeoutMs = HAPPENS_WITHIN_MS) =>
      take((message) => message.suffix === suffix && predicate(message.body), suffix, timeoutMs),
    clear() {
      messages.length = 0;
      untaken.length = 0;
    },
    closed: (timeoutMs = HAPPENS_WITHIN_MS) =>
      new Promise((resolve, reject) => {
        if (!client.connected) return resolve();
        const timer = setTimeout(() => reject(new Error(`${name} is still connected`)), timeoutMs);
        client.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    close: () => client.endAsync(!client.connected),
  };
}
