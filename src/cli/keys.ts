import { type Command, InvalidArgumentError } from 'commander';
import { formatPermission } from '../domain/permissions';
import type { ApiKey, ApiKeyWithSecret, Permission } from './bodies';
import { segment } from './client';
import { clientCommand, clientFor, examples, listCommand, type ClientOptions } from './options';
import { printJson, printPage, renderFacts, say, when } from './output';

/** `muster keys …` */
export function registerKeys(program: Command): void {
  const keys = program.command('keys').alias('api-keys').description('create, list and revoke API keys');

  clientCommand(keys, 'create', 'create an API key; its secret is shown this once')
    .requiredOption('--name <name>', 'whose key it is')
    .requiredOption(
      '--allow <methods:path>',
      'methods and the beginning of the paths it may call (repeatable); * is every method',
      collectPermission,
    )
    .addHelpText(
      'after',
      examples(
        "keys create --name dashboard --allow 'GET:/api/v1'",
        "keys create --name ci --allow 'GET,POST:/api/v1/jobs' --allow 'GET:/api/v1/things'",
        "keys create --name administrator --allow '*:/api/v1'",
      ),
    )
    .action(create);

  listCommand(keys, 'list', 'list API keys').addHelpText('after', examples('keys list')).action(list);

  clientCommand(keys, 'revoke <key>', 'revoke an API key')
    .addHelpText('after', examples('keys revoke ci-1'))
    .action(async (key: string, options: ClientOptions) => {
      await clientFor(options).delete(`/api-keys/${segment(key)}`);
      say(options, `Key ${key} revoked.`);
    });
}

/** `GET,POST:/api/v1/jobs` as a permission. @throws InvalidArgumentError */
export function parsePermission(text: string): Permission {
  const [, methods = '', pathPrefix = ''] = /^(\*|[A-Za-z]+(?:,[A-Za-z]+)*):(\/.*)$/.exec(text) ?? [];
  if (!pathPrefix) throw new InvalidArgumentError("It must be methods:path, like 'GET,POST:/api/v1/jobs'.");
  // Which methods there are is for the API to say.
  return { methods: methods.toUpperCase().split(',') as Permission['methods'], pathPrefix };
}

function collectPermission(text: string, previous: Permission[] = []): Permission[] {
  return [...previous, parsePermission(text)];
}

async function create(options: ClientOptions & { name: string; allow: Permission[] }): Promise<void> {
  const { name, allow: permissions } = options;
  const created = await clientFor(options).post<ApiKeyWithSecret>('/api-keys', { name, permissions });
  if (options.json) return printJson(created);
  console.log(renderFacts({ Key: created.apiKey, Secret: created.apiSecret }));
  console.log(
    `\nThe secret is shown this once. Use them as --api-key ${created.apiKey}:<secret> or in MUSTER_API_KEY.`,
  );
}

async function list(options: ClientOptions & { limit: number }): Promise<void> {
  printPage(
    await clientFor(options).list<ApiKey>('/api-keys', {}, options.limit),
    [
      { head: 'KEY', of: (key) => key.apiKey },
      { head: 'NAME', of: (key) => key.name },
      { head: 'MAY', of: (key) => key.permissions.map(formatPermission).join(' ') },
      { head: 'CREATED (UTC)', of: (key) => when(key.createdAt) },
    ],
    options.json,
  );
}
