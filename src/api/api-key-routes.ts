import { createApiKey, findApiKey, listApiKeys, revokeApiKey } from '../store/api-keys';
import type { Db } from '../store/database';
import { toCreated, toPageOf } from './answers';
import { requireHolds } from './auth';
import type { Handlers } from './mount';

export function apiKeyRoutes(db: Db): Handlers<'createApiKey' | 'listApiKeys' | 'revokeApiKey'> {
  return {
    async createApiKey({ body, caller }) {
      requireHolds(caller, body.permissions, 'An API key can give only permissions that it has itself.');
      return toCreated(await createApiKey(db, body, Date.now()));
    },

    async listApiKeys({ query }) {
      return toPageOf(await listApiKeys(db, query), toCreated);
    },

    async revokeApiKey({ params: { apiKey }, caller }) {
      const { permissions } = await findApiKey(db, apiKey);
      requireHolds(caller, permissions, 'An API key can revoke only those that may do no more than itself.');
      await revokeApiKey(db, apiKey, Date.now());
    },
  };
}
