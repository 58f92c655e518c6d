/** A broker that runs elsewhere: EMQX, mosquitto or another one for MQTT 5 or 3.1.1. */
import type { Broker } from './broker';
import { startExternalBridge, type ExternalBridge, type ExternalBridgeOptions } from './external-bridge';
import { createExternalPublisher } from './external-publisher';

export type ExternalBrokerOptions = Omit<ExternalBridgeOptions, 'onRequest'>;

/** Returns at once: a broker that is away is waited for, and `check` says so. */
export function createExternalBroker(options: ExternalBrokerOptions): Broker {
  const { address, log } = options;
  const publisher = createExternalPublisher(address, log);
  let bridge: ExternalBridge | undefined;

  function check(): void {
    if (!publisher.isConnected()) throw new Error(`The MQTT broker ${address.url} is out of reach.`);
    bridge?.check();
  }

  return {
    publish: (topic, json) => publisher.publish(topic, json),
    serve(onRequest) {
      bridge = startExternalBridge({ ...options, onRequest });
      return Promise.resolve(address.url);
    },
    stopServing: async () => bridge?.stop(),
    check: () => Promise.resolve().then(check),
    close: () => publisher.close(),
  };
}
