/** What an MQTT broker asks about its clients: the form that EMQX 5 sends by its HTTP authenticator and authorizer. */
import { z } from 'zod';

/** Longer ones belong to nobody. */
const name = z.string().max(256);

/** May this client connect? Fields of no interest here are ignored. */
export const brokerAuthentication = z.object({
  username: name.default(''),
  password: z.string().max(1_024).default(''),
  clientid: name,
  /** Address of the client: failed attempts are counted by it and the user name. */
  peerhost: name.default(''),
});

/** May this client publish to a topic, or subscribe to a filter? */
export const brokerAuthorization = z.object({
  username: name.default(''),
  action: z.enum(['publish', 'subscribe']),
  topic: z.string().max(65_535),
});
