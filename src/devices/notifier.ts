/** Tells things that their list of pending executions has changed. */
import { MAX_PENDING_LISTED } from '../domain/limits';
import type { Notifications } from '../domain/pending';
import { pendingExecutions, readDocument } from '../store/executions';
import type { Db } from '../store/database';
import type { ExecutionRow } from '../store/schema';
import { executionBody, seconds, summary } from './answers';
import type { Publisher } from './publisher';

export interface Notifier {
  /** Resolves when the broker has the messages: `notify` first, then `notify-next`. */
  notify(thingName: string, notifications: Notifications): Promise<void>;
}

export function createNotifier(deps: {
  db: Db;
  publisher: Publisher;
  prefixes: readonly string[];
}): Notifier {
  const { db, publisher, prefixes } = deps;
  /** The last message under way per thing: what a device hears last must be what is true last. */
  const underWay = new Map<string, Promise<void>>();

  return {
    async notify(thingName, notifications) {
      if (!notifications.list && !notifications.head) return;
      const before = underWay.get(thingName) ?? Promise.resolve();
      const own = before.catch(() => {}).then(() => publishList(thingName, notifications));
      underWay.set(thingName, own);
      try {
        await own;
      } finally {
        if (underWay.get(thingName) === own) underWay.delete(thingName);
      }
    },
  };

  async function publishList(thingName: string, { list, head }: Notifications): Promise<void> {
    const pending = await pendingExecutions(db, thingName, MAX_PENDING_LISTED);
    if (list) await publish(thingName, 'notify', { timestamp: seconds(Date.now()), jobs: byStatus(pending) });
    if (!head) return;
    const next = pending[0];
    const execution = next && executionBody(next, await readDocument(db, next.jobId));
    await publish(thingName, 'notify-next', { timestamp: seconds(Date.now()), execution });
  }

  async function publish(
    thingName: string,
    kind: 'notify' | 'notify-next',
    body: Record<string, unknown>,
  ): Promise<void> {
    for (const prefix of prefixes) await publisher.publish(`${prefix}/${thingName}/jobs/${kind}`, body);
  }
}

/** Empty lists are left out. */
function byStatus(pending: ExecutionRow[]): Record<string, unknown> {
  const of = (status: string) => {
    const rows = pending.filter((row) => row.status === status).map(summary);
    return rows.length > 0 ? rows : undefined;
  };
  return { IN_PROGRESS: of('IN_PROGRESS'), QUEUED: of('QUEUED') };
}
