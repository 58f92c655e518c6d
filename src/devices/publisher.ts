/** The way to the devices. */
export interface Publisher {
  /**
   * Publishes a message at QoS 1, not retained. Resolves when the broker has it.
   * @param topic without any wildcard
   */
  publish(topic: string, json: string): Promise<void>;
}
