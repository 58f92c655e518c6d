import type { Command } from 'commander';
import type { ThingType } from './bodies';
import { segment } from './client';
import { clientCommand, clientFor, examples, listCommand, type ClientOptions } from './options';
import { printJson, printPage, say, when } from './output';

/** `muster types …` */
export function registerTypes(program: Command): void {
  const types = program
    .command('types')
    .alias('thing-types')
    .description('create, list and delete thing types');

  clientCommand(
    types,
    'create <name>',
    'create a type, and with it the group "<name> (default)" of all its things',
  )
    .option('--description <text>', 'what it is')
    .addHelpText('after', examples('types create com.example.thermostat --description "Room thermostats"'))
    .action(create);

  listCommand(types, 'list', 'list thing types')
    .option('--search <text>', 'with this in their name, in upper or lower case')
    .addHelpText('after', examples('types list', 'types list --search thermo'))
    .action(list);

  clientCommand(types, 'delete <name>', 'delete a type that no thing uses, and its default group')
    .addHelpText('after', examples('types delete com.example.thermostat'))
    .action(async (name: string, options: ClientOptions) => {
      await clientFor(options).delete(`/thing-types/${segment(name)}`);
      say(options, `Type ${name} deleted.`);
    });
}

async function create(name: string, options: ClientOptions & { description?: string }): Promise<void> {
  const type = await clientFor(options).post<ThingType>('/thing-types', {
    name,
    description: options.description,
  });
  if (options.json) printJson(type);
  else console.log(`Type ${type.name} created, and the group "${type.name} (default)".`);
}

async function list(options: ClientOptions & { search?: string; limit: number }): Promise<void> {
  const { search, limit } = options;
  printPage(
    await clientFor(options).list<ThingType>('/thing-types', { search }, limit),
    [
      { head: 'TYPE', of: (type) => type.name },
      { head: 'DESCRIPTION', of: (type) => type.description },
      { head: 'CREATED (UTC)', of: (type) => when(type.createdAt) },
    ],
    options.json,
  );
}
