/** Tells an MQTT broker who its clients are and what they may do, in the form that EMQX 5 asks by HTTP. */
import { Router, type RequestHandler } from 'express';
import { brokerAuthentication, brokerAuthorization } from '../contract/broker-auth';
import { permits } from '../domain/permissions';
import { mayAskBroker, maySubscribe } from '../mqtt/topics';
import { findApiKeyRow, toApiKey } from '../store/api-keys';
import type { Db } from '../store/database';
import { isThing, verifyDevice } from '../store/things';
import type { Authentication } from './auth';
import { readJson } from './body';
import { check } from './problems';

/** An API key that permits this is good for Muster's own connections to the broker: they may do everything there. */
const BRIDGE = { method: 'POST', path: '/mqtt/bridge' };
const BODY_LIMIT = 128 * 1024;

export interface BrokerRoutesDeps {
  db: Db;
  authentication: Authentication;
  topicPrefixes: readonly string[];
}

/** Below `/mqtt`. Whoever calls needs an API key that permits it, so that nobody else can try passwords here. */
export function brokerRoutes({ db, authentication, topicPrefixes }: BrokerRoutesDeps): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use(authentication.admit(() => ({})));
  router.use(...readJson({ bodyLimit: BODY_LIMIT }));

  const mayConnect: RequestHandler = async (req, res) => {
    const { username, password, clientid, peerhost } = check(brokerAuthentication, req.body, 'body');
    // A thing's name is a thing's: a key of the same name is none.
    if (await isThing(db, username)) {
      const thing = await verifyDevice(db, username, password);
      return answer(res, thing?.mqttClientId === clientid);
    }
    const isBridge = await isBridgeKey(`${username} ${peerhost}`, username, password);
    // It publishes to every thing: to be asked about each topic would cost as much as the message.
    answer(res, isBridge, isBridge);
  };

  const may: RequestHandler = async (req, res) => {
    const { username, action, topic } = check(brokerAuthorization, req.body, 'body');
    const allowed =
      action === 'publish'
        ? mayAskBroker(topicPrefixes, username, topic)
        : maySubscribe(topicPrefixes, username, topic);
    answer(res, allowed && (await isThing(db, username)));
  };

  async function isBridgeKey(source: string, apiKey: string, apiSecret: string): Promise<boolean> {
    const row = await findApiKeyRow(db, apiKey);
    // Checking a secret costs time, so it is not done for names that could not be a bridge's.
    if (!row || !permits(toApiKey(row).permissions, BRIDGE.method, BRIDGE.path)) return false;
    return (await authentication.verifyKey(source, { apiKey, apiSecret })) !== undefined;
  }

  router.post('/auth', mayConnect);
  router.post('/acl', may);
  return router;
}

function answer(res: Parameters<RequestHandler>[1], allowed: boolean, isSuperuser = false): void {
  res.json({ result: allowed ? 'allow' : 'deny', is_superuser: isSuperuser });
}
