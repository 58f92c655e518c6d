/** The role `api`: serves operators over REST, and things over HTTPS. */
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { createApi } from '../../api/app';
import { createJobCommands } from '../../api/create-job-commands';
import { createEventHub } from '../../api/event-hub';
import { resumeThingDeletions } from '../../api/thing-deletion';
import type { DeviceSessions } from '../../mqtt/broker';
import { ensureAdminKey } from '../../store/api-keys';
import { startChores } from '../chores';
import { namingDatabase } from '../infrastructure';
import type { Parts } from '../parts';

/** Where the build writes the web console, beside this code. */
const CONSOLE_DIR = path.join(__dirname, '../../../console');

/** Characters of a secret that can't be guessed in any time. */
const WEAK_BELOW = 16;

export interface ApiRole {
  app: RequestListener;
  /** The administrator's key that was made up at the first start; it can't be shown again. */
  adminKey?: { apiKey: string; apiSecret: string };
  /** Before the server stops: answers that never end would hold it up. */
  endStreams(): void;
}

export interface ApiSurroundings {
  /** At which things find the broker, where that is known. */
  mqttUrl?: string;
  /** Of the embedded broker, where that is in this process. */
  sessions?: DeviceSessions;
}

export async function startApiRole(parts: Parts, { mqttUrl, sessions }: ApiSurroundings): Promise<ApiRole> {
  const { config, db, client, temporal, codec, taskQueue, health, metrics, log, shutdown } = parts;
  const adminKey = await ensureFirstKey(parts);
  const commands = createJobCommands({ db, client, taskQueue, log });
  const about = {
    temporal: { namespace: config.temporalNamespace, uiUrl: temporal.uiUrl ?? null },
    mqtt: { url: mqttUrl ?? null, topicPrefixes: config.topicPrefixes },
  };
  const events = createEventHub({ db, log });
  const app = createApi({
    ...{ db, commands, codec, health, metrics, log, about, events, sessions },
    devices: parts.devicesInTurn,
    knowsConnections: config.mqttUrl === undefined,
    proxies: config.trustProxy,
    consoleDir: CONSOLE_DIR,
  });
  const chores = startChores({ db, log, commands, retentionDays: config.retentionDays });
  shutdown.add('chores', 1_000, () => chores.stop());

  commands.membershipChanged();
  void resumeThingDeletions({ db, commands, sessions, log }).catch((error: unknown) =>
    log.warn({ err: error }, 'Deletions of things that were cut off wait for the next start.'),
  );
  return { app, adminKey, endStreams: () => events.stop() };
}

function ensureFirstKey({ config, db, log, outlast }: Parts) {
  const { apiKey: given } = config;
  if (given && given.secret.length < WEAK_BELOW)
    log.warn(
      `The secret in MUSTER_API_KEY is shorter than ${WEAK_BELOW} characters: take a longer one where others reach Muster.`,
    );
  const apiKey = given && { apiKey: given.key, apiSecret: given.secret };
  return outlast(() => namingDatabase(config, () => ensureAdminKey(db, apiKey)));
}
