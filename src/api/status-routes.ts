/** How everything stands, and what happens. */
import type { z } from 'zod';
import { version } from '../../package.json';
import { API_ROOT, ROUTES } from '../contract/routes';
import type { about } from '../contract/rest';
import type { Db } from '../store/database';
import { readOverview } from '../store/overview';
import { shared } from '../store/turns';
import { toOverview } from './answers';
import { isStillLetIn, requireKey } from './auth';
import type { EventHub } from './event-hub';
import type { Handlers } from './mount';

export type About = z.input<typeof about>;

export interface StatusDeps {
  db: Db;
  /** What Muster works with. */
  about: Omit<About, 'version'>;
  events: EventHub;
  /** Whether the broker tells which things are connected. */
  knowsConnections: boolean;
}

type StatusOperation = 'getAbout' | 'getOverview' | 'listenToEvents';

export function statusRoutes({ db, about, events, knowsConnections }: StatusDeps): Handlers<StatusOperation> {
  const overview = shared(() => readOverview(db, Date.now()));
  return {
    getAbout: () => Promise.resolve({ version, ...about }),

    async getOverview() {
      const { things, ...rest } = await overview();
      const connected = knowsConnections ? things.connected : null;
      return toOverview({ ...rest, things: { ...things, connected } });
    },

    async listenToEvents({ query, headers, caller, response }) {
      const key = requireKey(caller);
      await events.listen({
        response,
        jobId: query.jobId,
        lastEventId: headers['Last-Event-ID'] ?? query.lastEventId,
        mayStillListen: () => isStillLetIn(db, key, 'GET', `${API_ROOT}${ROUTES.listenToEvents.path}`),
      });
    },
  };
}
