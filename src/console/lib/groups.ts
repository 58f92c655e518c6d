import type { Schemas } from '../api/client';

type Kind = Schemas['ThingGroup']['kind'];

export const KIND_LABELS: Record<Kind, string> = {
  EXPLICIT: 'Explicit',
  DYNAMIC: 'Dynamic',
  TYPE: 'Of a type',
};

export const KIND_MEANINGS: Record<Kind, string> = {
  EXPLICIT: 'Its members are added and removed by hand.',
  DYNAMIC: 'It holds every thing that carries all of its tags.',
  TYPE: 'It holds every thing of its type.',
};
