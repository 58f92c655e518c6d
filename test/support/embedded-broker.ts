/** The embedded broker alone, in the process of the test: nothing behind it but what the test says. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/mqtt/embedded-broker';
import type { RequestHandler } from '../../src/mqtt/broker';
import type { Reply } from '../../workflows/messages';
import { eventually } from './eventually';
import type { RawClient, RawLogin } from './raw-mqtt';

export const PREFIX = 'fleet';

export interface TestBroker {
  port: number;
  /** What things have asked, oldest first. */
  requests: { topic: string; payload: string; reply?: Reply }[];
  /** Serves requests from now on; each is only noted down where this is left out. */
  onRequest: RequestHandler;
  publish: EmbeddedBroker['publish'];
  broker: EmbeddedBroker;
  /** Stops it and starts it again. */
  restart(): Promise<void>;
  /** The same with what was on disk at this moment. */
  kill(): Promise<void>;
  /** Ends a client's connection; resolves when the broker knows. */
  drop(client: RawClient | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** A thing's client id is its name; its password is `secret`. */
export const loginOf = (thingName: string): RawLogin => ({
  clientId: thingName,
  username: thingName,
  password: 'secret',
});

export async function startTestBroker(): Promise<TestBroker> {
  let dataDir = mkdtempSync(path.join(tmpdir(), 'muster-broker-'));
  const connected = new Set<string>();

  const test: TestBroker = {
    port: 0,
    // It is there before anybody has this.
    broker: undefined as unknown as EmbeddedBroker,
    requests: [],
    onRequest: () => Promise.resolve(),
    publish: (...message) => test.broker.publish(...message),
    async restart() {
      await test.broker.close();
      await start();
    },
    async kill() {
      const left = `${dataDir}+`;
      cpSync(dataDir, left, { recursive: true });
      await test.broker.close();
      rmSync(dataDir, { recursive: true });
      dataDir = left;
      await start();
    },
    async drop(client) {
      await client?.drop();
      await eventually(() => {
        if (connected.size > 0) throw new Error(`still connected: ${[...connected].join()}`);
      });
    },
    async stop() {
      await test.broker.close();
      rmSync(dataDir, { recursive: true });
    },
  };

  async function start(): Promise<void> {
    test.broker = await createEmbeddedBroker({
      host: '127.0.0.1',
      port: 0,
      dataDir,
      prefixes: [PREFIX],
      authenticate: (clientId, username, password) =>
        Promise.resolve(clientId === username && password === 'secret' ? { thingName: username } : undefined),
      connectionChanged: ({ thingName, connected: isConnected }) =>
        isConnected ? connected.add(thingName) : connected.delete(thingName),
      metrics: { mqttRefused: () => undefined },
      log: pino({ level: 'silent' }),
    });
    test.port = await test.broker.listen(async (topic, payload, thingName, isLastTry, reply) => {
      test.requests.push({ topic, payload: payload.toString(), ...(reply && { reply }) });
      await test.onRequest(topic, payload, thingName, isLastTry, reply);
    });
  }

  await start();
  return test;
}
