/** How everything stands, and what happens. */
import type { z } from 'zod';
import { version } from '../../package.json';
import { MusterError } from '../contract/errors';
import type { about } from '../contract/rest';
import type { Handlers } from './mount';

export type About = z.input<typeof about>;

interface StatusDeps {
  about: Omit<About, 'version'>;
}

type StatusOperation = 'getAbout' | 'getOverview' | 'listenToEvents';

export function statusRoutes(deps: StatusDeps): Handlers<StatusOperation> {
  return {
    getAbout: () => Promise.resolve({ version, ...deps.about }),
    getOverview: () => Promise.reject(new MusterError('ServiceUnavailable', 'Not served yet.')),
    listenToEvents: () => Promise.reject(new MusterError('ServiceUnavailable', 'Not served yet.')),
  };
}
