/** Simulated devices of a test: registered in one call, connected, and obeying their plans. */
import { Fleet } from '../../src/simulator/fleet';
import type { DevicePlan } from '../../src/simulator/plan';
import type { Credentials } from './device';
import type { Muster } from './muster';

export const SUCCEEDS: DevicePlan = { outcome: 'SUCCEEDED', durationMs: 0, reports: 0, connectAfterMs: 0 };

export async function registerFleet(
  muster: Muster,
  prefix: string,
  count: number,
  fields: Record<string, unknown> = {},
): Promise<{ name: string; mqttCredentials: Credentials }[]> {
  const things = Array.from({ length: count }, (_, i) => ({ name: `${prefix}-${i}`, ...fields }));
  const { status, body } = await muster.api('POST', '/things/bulk', { things });
  const { created, refused } = body as {
    created: { name: string; mqttCredentials: Credentials }[];
    refused: unknown[];
  };
  if (status !== 200 || refused.length > 0)
    throw new Error(`POST /things/bulk: ${status} ${JSON.stringify(refused)}`);
  await muster.admit(created.map(({ mqttCredentials }) => mqttCredentials));
  return created;
}

export function createFleet(
  muster: Pick<Muster, 'mqtt'>,
  things: { name: string; mqttCredentials: Credentials }[],
  planOf: (i: number) => DevicePlan,
): Fleet {
  const members = things.map(({ name, mqttCredentials }, i) => ({
    thingName: name,
    credentials: mqttCredentials,
    plan: planOf(i),
  }));
  return new Fleet(members, { url: muster.mqtt, connectsPerSecond: 200, answerTimeoutMs: 5_000 });
}
