/** Keys of everything that is read, in one place: what an event touches is found by how its key begins. */
export const keys = {
  session: ['session'],
  about: ['about'],
  overview: ['overview'],
  jobs: ['jobs'],
  job: (jobId: string) => ['job', jobId],
  execution: (jobId: string, thingName: string) => ['execution', jobId, thingName],
  things: ['things'],
  thing: (name: string) => ['thing', name],
  groups: ['groups'],
  group: (name: string) => ['group', name],
  apiKeys: ['api-keys'],
} as const;
