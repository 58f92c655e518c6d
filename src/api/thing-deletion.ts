import type { Logger } from 'pino';
import type { DeviceSessions } from '../mqtt/broker';
import type { Db } from '../store/database';
import { finishThingDeletion, markThingDeleted, thingsBeingDeleted } from '../store/things';
import type { JobCommands } from './job-commands';

interface Deps {
  db: Db;
  commands: JobCommands;
  sessions?: DeviceSessions;
}

/**
 * The thing is gone for everybody at once; its name is free when its executions are removed. Deleting a thing whose
 * deletion did not come to its end goes on with it.
 * @throws MusterError ThingNotFound
 */
export async function deleteThing(deps: Deps, name: string, by: string): Promise<void> {
  deps.commands.membershipChanged(await markThingDeleted(deps.db, name, Date.now()));
  deps.sessions?.disconnect(name);
  await finish(deps, name, by);
}

/** Finishes, at start, the deletions that a crash has cut off. One that fails is tried again at the next start. */
export async function resumeThingDeletions(deps: Deps & { log: Logger }): Promise<void> {
  for (const name of await thingsBeingDeleted(deps.db)) {
    await finish(deps, name, 'muster').catch((error: unknown) =>
      deps.log.warn({ err: error, thingName: name }, 'The deletion of a thing could not be finished.'),
    );
  }
}

async function finish({ db, commands, sessions }: Deps, name: string, by: string): Promise<void> {
  await commands.removeExecutionsOf(name, by);
  // Whoever gets the name next must not read what was left for this one.
  await sessions?.forget(name);
  await finishThingDeletion(db, name);
}
