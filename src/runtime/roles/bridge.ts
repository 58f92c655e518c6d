/** The role `bridge`: serves what things ask over MQTT. */
import { createBridge } from '../../mqtt/bridge';
import type { Broker } from '../../mqtt/broker';
import type { Parts } from '../parts';

/** @returns URL at which things find the broker */
export async function startBridgeRole(parts: Parts, broker: Broker): Promise<string> {
  const { config, devicesInTurn: devices, metrics, log, shutdown } = parts;
  const bridge = createBridge({ prefixes: config.topicPrefixes, devices, publisher: broker, metrics, log });
  const url = await broker.serve(bridge.handle);
  shutdown.add('bridge', 2_000, () => broker.stopServing());
  return url;
}
