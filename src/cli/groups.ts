import type { Command } from 'commander';
import type { Thing, ThingGroup, ThingGroupDetail } from './bodies';
import { segment } from './client';
import { clientCommand, clientFor, collect, examples, listCommand, type ClientOptions } from './options';
import { printJson, printPage, renderFacts, say, when } from './output';

/** `muster groups …` */
export function registerGroups(program: Command): void {
  const groups = program
    .command('groups')
    .alias('thing-groups')
    .description('create thing groups and say who is in them');

  clientCommand(groups, 'create <name>', 'create a group: with tags a dynamic one, without an explicit one')
    .option('--description <text>', 'what it is for')
    .option('--tag <tag>', 'every thing that carries this tag is in it (repeatable: all of them)', collect)
    .addHelpText('after', examples('groups create pilot', 'groups create "second floor" --tag floor-2'))
    .action(create);

  listCommand(groups, 'list', 'list groups')
    .option('--search <text>', 'with this in their name, in upper or lower case')
    .addHelpText('after', examples('groups list --limit 200', 'groups list --search floor'))
    .action(list);

  clientCommand(groups, 'show <name>', 'show one group')
    .addHelpText('after', examples('groups show "com.example.thermostat (default)"'))
    .action(show);

  listCommand(groups, 'members <name>', 'list the things in a group')
    .addHelpText('after', examples('groups members "com.example.thermostat (default)"'))
    .action(members);

  clientCommand(groups, 'add <name> <things...>', 'put things into an explicit group')
    .addHelpText('after', examples('groups add pilot boiler-7 boiler-8'))
    .action((name: string, things: string[], options: ClientOptions) =>
      change(name, { add: things }, options),
    );

  clientCommand(groups, 'remove <name> <things...>', 'take things out of an explicit group')
    .addHelpText('after', examples('groups remove pilot boiler-7'))
    .action((name: string, things: string[], options: ClientOptions) =>
      change(name, { remove: things }, options),
    );

  clientCommand(groups, 'delete <name>', 'delete a group; its things stay')
    .addHelpText('after', examples('groups delete pilot'))
    .action(async (name: string, options: ClientOptions) => {
      await clientFor(options).delete(`/thing-groups/${segment(name)}`);
      say(options, `Group "${name}" deleted.`);
    });
}

async function create(
  name: string,
  options: ClientOptions & { description?: string; tag?: string[] },
): Promise<void> {
  const { description, tag: tags } = options;
  const group = await clientFor(options).post<ThingGroup>('/thing-groups', { name, description, tags });
  if (options.json) printJson(group);
  else console.log(`Group "${group.name}" created.`);
}

async function list(options: ClientOptions & { search?: string; limit: number }): Promise<void> {
  const { search, limit } = options;
  printPage(
    await clientFor(options).list<ThingGroup>('/thing-groups', { search }, limit),
    [
      { head: 'GROUP', of: (group) => group.name },
      { head: 'KIND', of: (group) => group.kind },
      { head: 'TAGS', of: (group) => group.tags.join(', ') },
      { head: 'DESCRIPTION', of: (group) => group.description },
      { head: 'CREATED (UTC)', of: (group) => when(group.createdAt) },
    ],
    options.json,
  );
}

async function show(name: string, options: ClientOptions): Promise<void> {
  const group = await clientFor(options).get<ThingGroupDetail>(`/thing-groups/${segment(name)}`);
  if (options.json) return printJson(group);
  console.log(
    renderFacts({
      Group: group.name,
      Kind: group.kind,
      Description: group.description,
      Tags: group.tags.join(', '),
      Things: group.thingCount,
      Created: when(group.createdAt),
    }),
  );
}

async function members(name: string, options: ClientOptions & { limit: number }): Promise<void> {
  printPage(
    await clientFor(options).list<Thing>(`/thing-groups/${segment(name)}/things`, {}, options.limit),
    [
      { head: 'THING', of: (thing) => thing.name },
      { head: 'TYPE', of: (thing) => thing.thingTypeName },
    ],
    options.json,
  );
}

async function change(
  name: string,
  body: { add?: string[]; remove?: string[] },
  options: ClientOptions,
): Promise<void> {
  const answer = await clientFor(options).post(`/thing-groups/${segment(name)}/things`, body);
  if (options.json) printJson(answer);
  else console.log(`Group "${name}" changed.`);
}
