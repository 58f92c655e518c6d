/** Permissions of API keys as people think of them. */
import type { Schemas } from '../api/client';

type Permission = Schemas['Permission'];

interface Preset {
  label: string;
  meaning: string;
  permissions: Permission[];
}

const READ_ALL: Permission = { methods: ['GET'], pathPrefix: '/api/v1' };

export const PRESETS = {
  READ_ONLY: { label: 'Read-only', meaning: 'Sees everything, changes nothing.', permissions: [READ_ALL] },
  OPERATOR: {
    label: 'Operator',
    meaning: 'Sees everything; creates, cancels and deletes jobs.',
    permissions: [READ_ALL, { methods: ['POST', 'DELETE'], pathPrefix: '/api/v1/jobs' }],
  },
  FLEET_MANAGER: {
    label: 'Fleet manager',
    meaning: 'An operator who also registers things, gives them their credentials and makes groups.',
    permissions: [
      READ_ALL,
      ...['/api/v1/jobs', '/api/v1/things', '/api/v1/thing-groups', '/api/v1/thing-types'].map(
        (pathPrefix): Permission => ({ methods: ['*'], pathPrefix }),
      ),
      { methods: ['POST'], pathPrefix: '/api/v1/thing-datas' },
    ],
  },
  ADMINISTRATOR: {
    label: 'Administrator',
    meaning: 'Everything, also making keys for others.',
    permissions: [{ methods: ['*'], pathPrefix: '/' }],
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

/** Where a permission of one's own may begin. */
export const AREAS: readonly { pathPrefix: string; label: string }[] = [
  { pathPrefix: '/api/v1', label: 'Everything' },
  { pathPrefix: '/api/v1/jobs', label: 'Jobs and executions' },
  { pathPrefix: '/api/v1/things', label: 'Things' },
  { pathPrefix: '/api/v1/thing-groups', label: 'Groups' },
  { pathPrefix: '/api/v1/thing-types', label: 'Thing types' },
  { pathPrefix: '/api/v1/overview', label: 'Overview' },
  { pathPrefix: '/api/v1/events', label: 'Live events' },
  { pathPrefix: '/api/v1/thing-datas', label: 'Speaking for devices over HTTPS' },
  { pathPrefix: '/api/v1/api-keys', label: 'API keys' },
];

/** The name of a preset, or the permissions themselves. */
export function permissionsInWords(permissions: readonly Permission[]): string {
  const preset = Object.values<Preset>(PRESETS).find(({ permissions: its }) => isSame(its, permissions));
  return preset?.label ?? permissions.map(inWords).join('; ');
}

function inWords({ methods, pathPrefix }: Permission): string {
  const area = AREAS.find((one) => one.pathPrefix === pathPrefix)?.label ?? pathPrefix;
  return `${area}: ${methods.includes('*') ? 'all' : methods.join(', ')}`;
}

const isSame = (one: readonly Permission[], other: readonly Permission[]) =>
  JSON.stringify(one) === JSON.stringify(other);
