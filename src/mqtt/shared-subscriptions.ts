/** Finds out whether a broker shares subscriptions to the topics of things, and can be relied on to. */
import { randomUUID } from 'node:crypto';
import type { Sharing } from '../domain/bridge-sessions';
import { openConnection, type BrokerAddress } from './connection';

/** How long a shared message may take after a plain one, which was published later, has come. */
const GRACE_MS = 1_000;
const TIMEOUT_MS = 5_000;

/** Where mosquitto tells that it is mosquitto, retained. */
const MOSQUITTO_VERSION = '$SYS/broker/version';

/**
 * Publishes to itself under every prefix. Mosquitto 2.0 grants a shared subscription to topics that begin with `$`, and
 * delivers nothing on it; others it forgets when it restarts, so that requests would be lost until a bridge is back.
 * @throws where the broker is out of reach or does not let Muster publish and subscribe under a prefix
 */
export async function probeSharing(address: BrokerAddress, prefixes: readonly string[]): Promise<Sharing> {
  const id = `muster-probe-${randomUUID()}`;
  const topicsOf = (kind: string) => prefixes.map((prefix) => `${prefix}/${id}/${kind}`);
  const [shared, plain] = [topicsOf('shared'), topicsOf('plain')];
  const arrived = new Set<string>();
  let look = () => {};
  const connection = await openConnection(address, {
    clientId: id,
    clean: true,
    sessionSeconds: 0,
    onMessage: (topic) => {
      arrived.add(topic);
      look();
      return Promise.resolve();
    },
  });
  const have = (topics: readonly string[], limitMs: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      look = () => {
        if (!topics.every((topic) => arrived.has(topic))) return;
        clearTimeout(timer);
        resolve(true);
      };
      look();
    });

  try {
    // A broker may refuse what it does not have.
    const tryTo = (filters: string[]) => connection.subscribe(filters).catch(() => undefined);
    await tryTo([MOSQUITTO_VERSION]);
    await tryTo(shared.map((topic) => `$share/${id}/${topic}`));
    await connection.subscribe(plain);
    for (const topic of [...shared, ...plain]) await connection.publish(topic, '{}');
    if (!(await have(plain, TIMEOUT_MS)))
      throw new Error(
        `The MQTT broker does not deliver to Muster what it publishes under ${prefixes.join(', ')}: its user must be allowed to publish and subscribe there.`,
      );
    if (arrived.has(MOSQUITTO_VERSION)) return 'SPLIT';
    return (await have(shared, GRACE_MS)) ? 'SHARED' : 'SPLIT';
  } finally {
    await connection.close();
  }
}
