import { createApiKey, listApiKeys, revokeApiKey } from '../store/api-keys';
import type { Db } from '../store/database';
import { toCreated, toPageOf } from './answers';
import type { Handlers } from './mount';

export function apiKeyRoutes(db: Db): Handlers<'createApiKey' | 'listApiKeys' | 'revokeApiKey'> {
  return {
    async createApiKey({ body }) {
      return toCreated(await createApiKey(db, body, Date.now()));
    },

    async listApiKeys({ query }) {
      return toPageOf(await listApiKeys(db, query), toCreated);
    },

    async revokeApiKey({ params: { apiKey } }) {
      await revokeApiKey(db, apiKey, Date.now());
    },
  };
}
