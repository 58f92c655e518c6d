/** What an MQTT broker asks about its clients: the form that EMQX 5 sends by its HTTP authenticator and authorizer. */
import { z } from 'zod';
import { userNameOf } from '../domain/user-names';

/** Longer ones belong to nobody. */
const name = z.string().max(256);
/** As the client presents it: as long as MQTT allows, with what is not part of the name. */
const username = z.string().max(65_535).default('').transform(userNameOf).pipe(name);

/** May this client connect? Fields of no interest here are ignored. */
export const brokerAuthentication = z.object({
  username,
  password: z.string().max(1_024).default(''),
  clientid: name,
  /** Address of the client: failed attempts are counted by it and the user name. */
  peerhost: name.default(''),
});

/** May this client publish to a topic, or subscribe to a filter? */
export const brokerAuthorization = z.object({
  username,
  action: z.enum(['publish', 'subscribe']),
  topic: z.string().max(65_535),
});
