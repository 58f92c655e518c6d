import { SPEAKING_FOR_THINGS } from '../domain/permissions';
import type { DeviceSessions } from '../mqtt/broker';
import type { Db } from '../store/database';
import {
  changeMember,
  changeMembers,
  createGroup,
  deleteGroup,
  findGroup,
  listGroups,
  requireGroup,
} from '../store/groups';
import { createThingType, deleteThingType, findThingType, listThingTypes } from '../store/thing-types';
import {
  findThing,
  listThings,
  registerThing,
  registerThings,
  renewCredentials,
  revokeCredentials,
  updateThing,
} from '../store/things';
import { toCreated, toPageOf, toThing } from './answers';
import { actor, requireHolds, type Caller } from './auth';
import type { JobCommands } from './job-commands';
import type { Handlers } from './mount';
import { deleteThing } from './thing-deletion';

export interface RegistryDeps {
  db: Db;
  commands: JobCommands;
  /** Of things at the embedded broker; another one closes connections by itself. */
  sessions?: DeviceSessions;
}

type ThingOperation =
  | 'createThing'
  | 'createThings'
  | 'listThings'
  | 'getThing'
  | 'updateThing'
  | 'deleteThing'
  | 'renewCredentials'
  | 'revokeCredentials';

export function thingRoutes(deps: RegistryDeps): Handlers<ThingOperation> {
  const { db, commands } = deps;
  return {
    async createThing({ body, caller, location }) {
      requireMayGiveCredentials(caller);
      const { thing, touchedGroups } = await registerThing(db, body, Date.now());
      commands.membershipChanged(touchedGroups);
      location(`/things/${thing.name}`);
      return toThing(thing);
    },

    async createThings({ body, caller }) {
      requireMayGiveCredentials(caller);
      const { created, refused, touchedGroups } = await registerThings(db, body.things, Date.now());
      commands.membershipChanged(touchedGroups);
      return { created: created.map(toThing), refused };
    },

    async listThings({ query: { limit, cursor, name, tag, ...rest } }) {
      const filter = { namePrefix: name, tags: tag, ...rest };
      return toPageOf(await listThings(db, filter, { limit, cursor }), toThing);
    },

    async getThing({ params: { name } }) {
      return toThing(await findThing(db, name));
    },

    async updateThing({ params: { name }, body }) {
      const { thing, touchedGroups, credentialsChanged } = await updateThing(db, name, body, Date.now());
      commands.membershipChanged(touchedGroups);
      if (credentialsChanged) deps.sessions?.disconnect(name);
      return toThing(thing);
    },

    async deleteThing({ params: { name }, caller }) {
      await deleteThing(deps, name, actor(caller));
    },

    async renewCredentials({ params: { name }, caller }) {
      requireMayGiveCredentials(caller);
      const thing = await renewCredentials(db, name, Date.now());
      deps.sessions?.disconnect(name);
      return toThing(thing);
    },

    async revokeCredentials({ params: { name } }) {
      await revokeCredentials(db, name, Date.now());
      deps.sessions?.disconnect(name);
    },
  };
}

function requireMayGiveCredentials(caller: Caller): void {
  requireHolds(caller, [SPEAKING_FOR_THINGS], 'With its credentials one speaks for a thing.');
}

type TypeOperation = 'createThingType' | 'listThingTypes' | 'getThingType' | 'deleteThingType';

export function thingTypeRoutes({ db }: RegistryDeps): Handlers<TypeOperation> {
  return {
    async createThingType({ body: { name, description = null }, location }) {
      const type = await createThingType(db, { name, description }, Date.now());
      location(`/thing-types/${encodeURIComponent(name)}`);
      return toCreated(type);
    },

    async listThingTypes({ query: { name, search, ...page } }) {
      return toPageOf(await listThingTypes(db, { namePrefix: name, search }, page), toCreated);
    },

    async getThingType({ params: { name } }) {
      return toCreated(await findThingType(db, name));
    },

    async deleteThingType({ params: { name } }) {
      await deleteThingType(db, name);
    },
  };
}

type GroupOperation =
  | 'createThingGroup'
  | 'listThingGroups'
  | 'getThingGroup'
  | 'deleteThingGroup'
  | 'listThingsOfGroup'
  | 'changeThingsOfGroup'
  | 'addThingToGroup'
  | 'removeThingFromGroup';

export function thingGroupRoutes({ db, commands }: RegistryDeps): Handlers<GroupOperation> {
  return {
    async createThingGroup({ body: { name, description = null, tags }, location }) {
      commands.membershipChanged(await createGroup(db, { name, description, tags }, Date.now()));
      location(`/thing-groups/${encodeURIComponent(name)}`);
      return toCreated(await findGroup(db, name));
    },

    async listThingGroups({ query: { name, search, ...page } }) {
      return toPageOf(await listGroups(db, { namePrefix: name, search }, page), toCreated);
    },

    async getThingGroup({ params: { name } }) {
      return toCreated(await findGroup(db, name));
    },

    async deleteThingGroup({ params: { name } }) {
      commands.membershipChanged(await deleteGroup(db, name, Date.now()));
    },

    async listThingsOfGroup({ params: { name }, query: { search, ...page } }) {
      await requireGroup(db, name);
      return toPageOf(await listThings(db, { groupName: name, search }, page), toThing);
    },

    async changeThingsOfGroup({ params: { name }, body }) {
      commands.membershipChanged(await changeMembers(db, name, body, Date.now()));
      return toCreated(await findGroup(db, name));
    },

    async addThingToGroup({ params: { name, thingName } }) {
      commands.membershipChanged(await changeMember(db, name, thingName, 'add', Date.now()));
    },

    async removeThingFromGroup({ params: { name, thingName } }) {
      commands.membershipChanged(await changeMember(db, name, thingName, 'remove', Date.now()));
    },
  };
}
