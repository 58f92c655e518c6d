/** Tells things that their list of pending executions has changed. */
import { isDeepStrictEqual } from 'node:util';
import { toJson, type JsonText } from '../domain/json-text';
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
  /** The same for things whose list an execution of the job has joined: `notify-next` only where it is the head of it. */
  announce(thingNames: readonly string[], jobId: string): Promise<void>;
}

/** Enough that none waits for the disk of another, and few enough that answers to devices come between. */
const ANNOUNCED_AT_ONCE = 10;

/** What the thing is told of its list. */
type Decide = (pending: readonly ExecutionRow[]) => Notifications;

type DocumentOf = (jobId: string) => Promise<JsonText>;

export function createNotifier(deps: {
  db: Db;
  publisher: Publisher;
  prefixes: readonly string[];
  /** Whether other processes notify the same things. */
  amongOthers: boolean;
}): Notifier {
  const { db, publisher, prefixes, amongOthers } = deps;
  /** The last message under way per thing: what a device hears last must be what is true last. */
  const underWay = new Map<string, Promise<void>>();

  return {
    async notify(thingName, notifications) {
      if (notifications.list || notifications.head)
        await inTurn(thingName, () => notifications, documentIn(db));
    },
    async announce(thingNames, jobId) {
      const documentOf = readOnce(documentIn(db));
      for (let i = 0; i < thingNames.length; i += ANNOUNCED_AT_ONCE) {
        const some = thingNames
          .slice(i, i + ANNOUNCED_AT_ONCE)
          .map((thingName) =>
            inTurn(thingName, ([next]) => ({ list: true, head: next?.jobId === jobId }), documentOf),
          );
        await Promise.all(some);
      }
    },
  };

  async function inTurn(thingName: string, decide: Decide, documentOf: DocumentOf): Promise<void> {
    const before = underWay.get(thingName) ?? Promise.resolve();
    const own = before.catch(() => {}).then(() => publishList(thingName, decide, documentOf));
    underWay.set(thingName, own);
    try {
      await own;
    } finally {
      if (underWay.get(thingName) === own) underWay.delete(thingName);
    }
  }

  /**
   * Among others, the list is read once more when it is published: had it changed before, the message of whoever
   * changed it may have gone out earlier than this one.
   */
  async function publishList(thingName: string, decide: Decide, documentOf: DocumentOf): Promise<void> {
    const read = () => pendingExecutions(db, thingName, MAX_PENDING_LISTED);
    let pending = await read();
    for (;;) {
      await publishPending(thingName, pending, decide(pending), documentOf);
      if (!amongOthers) return;
      const now = await read();
      if (isDeepStrictEqual(now, pending)) return;
      pending = now;
    }
  }

  async function publishPending(
    thingName: string,
    pending: ExecutionRow[],
    { list, head }: Notifications,
    documentOf: DocumentOf,
  ): Promise<void> {
    if (list) await publish(thingName, 'notify', { timestamp: seconds(Date.now()), jobs: byStatus(pending) });
    if (!head) return;
    const next = pending[0];
    const execution = next && executionBody(next, await documentOf(next.jobId));
    await publish(thingName, 'notify-next', { timestamp: seconds(Date.now()), execution });
  }

  async function publish(
    thingName: string,
    kind: 'notify' | 'notify-next',
    body: Record<string, unknown>,
  ): Promise<void> {
    const json = toJson(body);
    for (const prefix of prefixes) await publisher.publish(`${prefix}/${thingName}/jobs/${kind}`, json);
  }
}

function documentIn(db: Db): DocumentOf {
  return (jobId) => readDocument(db, jobId);
}

/** Of a page of things, most have the same job at the head of their lists. */
function readOnce(documentOf: DocumentOf): DocumentOf {
  const documents = new Map<string, ReturnType<DocumentOf>>();
  return (jobId) => {
    const document = documents.get(jobId) ?? documentOf(jobId);
    documents.set(jobId, document);
    return document;
  };
}

/** Empty lists are left out. */
function byStatus(pending: ExecutionRow[]): Record<string, unknown> {
  const of = (status: string) => {
    const rows = pending.filter((row) => row.status === status).map(summary);
    return rows.length > 0 ? rows : undefined;
  };
  return { IN_PROGRESS: of('IN_PROGRESS'), QUEUED: of('QUEUED') };
}
