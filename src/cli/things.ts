import type { Command } from 'commander';
import type { BulkAnswer, Credentials, NewThing, Thing, ThingWithCredentials } from './bodies';
import { segment, type MusterClient } from './client';
import { keepCredentials } from './credentials';
import { Failure } from './failures';
import { readJson, readText } from './files';
import {
  clientCommand,
  clientFor,
  collect,
  collectPair,
  examples,
  listCommand,
  type ClientOptions,
} from './options';
import { pairs, printJson, printPage, renderFacts, renderTable, say, when, type Column } from './output';

/** Things per call: each costs the server a moment, and it has others to answer. */
const BULK = 1_000;

interface RegisterOptions extends ClientOptions {
  type?: string;
  tag?: string[];
  attribute?: Record<string, string>;
  clientId?: string;
}

const COLUMNS: Column<Thing>[] = [
  { head: 'THING', of: (thing) => thing.name },
  { head: 'TYPE', of: (thing) => thing.thingTypeName },
  { head: 'TAGS', of: (thing) => thing.tags.join(', ') },
  { head: 'CREATED (UTC)', of: (thing) => when(thing.createdAt) },
];

/** `muster things …` */
export function registerThings(program: Command): void {
  const things = program.command('things').description('register, find and remove things');

  newThingOptions(clientCommand(things, 'register <name>', 'register one thing'))
    .option('--client-id <id>', 'its MQTT client id (default: its name)')
    .addHelpText(
      'after',
      examples('things register boiler-7 --type com.example.thermostat --tag floor-2 --attribute serial=A17'),
    )
    .action(register);

  newThingOptions(clientCommand(things, 'register-many <file>', 'register the things of a file'))
    .option('--credentials <file>', 'keep the MQTT credentials in this file instead of printing them')
    .addHelpText(
      'after',
      '\nA .json file holds an array of things as POST /api/v1/things takes them, any other a thing name on each line.\n' +
        'Options are added to every one of them.\n' +
        examples('things register-many boilers.txt --type com.example.thermostat --credentials boilers.json'),
    )
    .action(registerMany);

  listCommand(things, 'list', 'list things')
    .option('--search <text>', 'with this in their name, in upper or lower case')
    .option('--name <prefix>', 'whose name begins with this, exactly')
    .option('--type <name>', 'of this type')
    .option('--tag <tag>', 'that carry this tag (repeatable: all of them)', collect)
    .addHelpText('after', examples('things list --type com.example.thermostat --tag floor-2 --limit 200'))
    .action(list);

  clientCommand(things, 'show <name>', 'show one thing')
    .addHelpText('after', examples('things show boiler-7'))
    .action(show);

  clientCommand(things, 'delete <name>', 'delete a thing; its pending executions are removed')
    .addHelpText('after', examples('things delete boiler-7'))
    .action(async (name: string, options: ClientOptions) => {
      await clientFor(options).delete(`/things/${segment(name)}`);
      say(options, `Thing ${name} deleted.`);
    });

  clientCommand(
    things,
    'credentials <name>',
    'renew the MQTT credentials of a thing; the old ones end at once',
  )
    .addHelpText('after', examples('things credentials boiler-7'))
    .action(renewCredentials);
}

function newThingOptions(command: Command): Command {
  return command
    .option('--type <name>', 'its thing type')
    .option('--tag <tag>', 'a tag (repeatable)', collect)
    .option('--attribute <name=value>', 'an attribute (repeatable)', collectPair);
}

async function register(name: string, options: RegisterOptions): Promise<void> {
  const thing = await clientFor(options).post<ThingWithCredentials>('/things', {
    name,
    mqttClientId: options.clientId,
    ...described(options),
  });
  if (options.json) return printJson(thing);
  printThing(thing);
  console.log('\nThe password is shown this once.');
}

async function registerMany(
  file: string,
  options: RegisterOptions & { credentials?: string },
): Promise<void> {
  const extra = described(options);
  const answer = await registerAll(
    clientFor(options),
    readThings(file).map((thing) => merge(thing, extra)),
  );
  const failure = options.credentials && tryToKeep(options.credentials, answer.created);
  if (options.json) printJson(answer);
  else printBulk(answer, failure ? undefined : options.credentials);
  if (failure)
    throw new Failure(
      `${options.credentials} can't be written (${failure}); the credentials are above, shown this once.`,
    );
  if (answer.refused.length > 0)
    throw new Failure(
      `Refused: ${answer.refused.length} of ${answer.refused.length + answer.created.length}.`,
    );
}

/** @returns why not */
function tryToKeep(file: string, created: ThingWithCredentials[]): string | undefined {
  try {
    keepCredentials(file, credentialsOf(created));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}

function printBulk({ created, refused }: BulkAnswer, credentialsFile: string | undefined): void {
  console.log(`${created.length} things registered.`);
  if (credentialsFile) console.log(`Their credentials are in ${credentialsFile}.`);
  else if (created.length > 0) {
    console.log(
      renderTable(created, [
        { head: 'THING', of: (thing) => thing.name },
        { head: 'MQTT CLIENT ID', of: (thing) => thing.mqttCredentials.clientId },
        { head: 'USER NAME', of: (thing) => thing.mqttCredentials.username },
        { head: 'PASSWORD (shown this once)', of: (thing) => thing.mqttCredentials.password },
      ]),
    );
  }
  if (refused.length === 0) return;
  console.log(
    renderTable(refused, [
      { head: 'REFUSED', of: (one) => one.name },
      { head: 'CODE', of: (one) => one.code },
      { head: 'WHY', of: (one) => one.detail },
    ]),
  );
}

async function list(
  options: ClientOptions & { search?: string; name?: string; type?: string; tag?: string[]; limit: number },
) {
  const { search, name, type: thingTypeName, tag, limit } = options;
  const page = await clientFor(options).list<Thing>('/things', { search, name, thingTypeName, tag }, limit);
  printPage(page, COLUMNS, options.json);
}

async function show(name: string, options: ClientOptions): Promise<void> {
  const thing = await clientFor(options).get<Thing>(`/things/${segment(name)}`);
  if (options.json) printJson(thing);
  else printThing(thing);
}

async function renewCredentials(name: string, options: ClientOptions): Promise<void> {
  const thing = await renew(clientFor(options), name);
  if (options.json) return printJson(thing);
  console.log(renderFacts(credentialFacts(thing.mqttCredentials)));
  console.log('\nThe password is shown this once.');
}

/** New MQTT credentials for a thing that is registered already. */
export function renew(client: MusterClient, name: string): Promise<ThingWithCredentials> {
  return client.post(`/things/${segment(name)}/credentials`);
}

/** Registers any number of things; who is refused does not hold up the others. */
export async function registerAll(client: MusterClient, things: NewThing[]): Promise<BulkAnswer> {
  const all: BulkAnswer = { created: [], refused: [] };
  for (let from = 0; from < things.length; from += BULK) {
    const { created, refused } = await client.post<BulkAnswer>('/things/bulk', {
      things: things.slice(from, from + BULK),
    });
    all.created.push(...created);
    all.refused.push(...refused.map((one) => ({ ...one, index: one.index + from })));
  }
  return all;
}

/** The credentials in an answer, by thing name. */
export function credentialsOf(things: ThingWithCredentials[]): Record<string, Credentials> {
  return Object.fromEntries(things.map(({ name, mqttCredentials }) => [name, mqttCredentials]));
}

function described({ type, tag, attribute }: RegisterOptions): Omit<NewThing, 'name'> {
  return { thingTypeName: type, tags: tag, attributes: attribute };
}

function merge(thing: NewThing, extra: Omit<NewThing, 'name'>): NewThing {
  return {
    ...thing,
    thingTypeName: extra.thingTypeName ?? thing.thingTypeName,
    tags: extra.tags ? [...new Set([...(thing.tags ?? []), ...extra.tags])] : thing.tags,
    attributes: extra.attributes ? { ...thing.attributes, ...extra.attributes } : thing.attributes,
  };
}

function readThings(file: string): NewThing[] {
  if (file.endsWith('.json')) return readJson(file) as NewThing[];
  const names = readText(file).split(/\s*\n\s*/);
  return names.filter((name) => name !== '').map((name) => ({ name }));
}

function printThing(thing: Thing | ThingWithCredentials): void {
  console.log(
    renderFacts({
      Thing: thing.name,
      Type: thing.thingTypeName,
      Tags: thing.tags.join(', '),
      Attributes: pairs(thing.attributes),
      Created: when(thing.createdAt),
      ...('mqttCredentials' in thing
        ? credentialFacts(thing.mqttCredentials)
        : { 'MQTT client id': thing.mqttClientId }),
    }),
  );
}

function credentialFacts({ clientId, username, password }: Credentials): Record<string, string> {
  return { 'MQTT client id': clientId, 'MQTT user name': username, 'MQTT password': password };
}
