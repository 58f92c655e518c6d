import type { Reply } from '../../workflows/messages';

/** The way to the devices. */
export interface Publisher {
  /**
   * Publishes a message at QoS 1, not retained. Resolves when the broker has it.
   * @param topic without any wildcard
   * @param correlationData of the request that this answers (MQTT 5), in Base64
   */
  publish(topic: string, json: string, correlationData?: string): Promise<void>;
}

/** An answer goes out below the topic of its request, and also where the request says (MQTT 5, Response Topic). */
export async function publishAnswer(
  publisher: Publisher,
  request: { topic: string; reply?: Reply },
  answer: { accepted: boolean; json: string },
): Promise<void> {
  const { responseTopic, correlationData } = request.reply ?? {};
  const own = `${request.topic}/${answer.accepted ? 'accepted' : 'rejected'}`;
  const topics = new Set([own, responseTopic ?? own]);
  for (const topic of topics) await publisher.publish(topic, answer.json, correlationData);
}
