import { type Command, InvalidArgumentError } from 'commander';
import { mosquittoAcl } from '../mqtt/mosquitto-acl';
import { CONFIG_OPTIONS, loadConfig } from '../runtime/config';
import { examples } from './options';

/** `muster mosquitto-acl` */
export function registerMosquittoAcl(program: Command): void {
  const { flag, meaning, env } = CONFIG_OPTIONS.topicPrefixes;
  program
    .command('mosquitto-acl')
    .description('print access rules for mosquitto (acl_file) that keep every thing to its own topics')
    .option('--user <name>', "Muster's user name at the broker", userName, 'muster')
    .option(flag, `${meaning} (${env})`)
    .addHelpText(
      'after',
      examples('mosquitto-acl > /etc/mosquitto/muster.acl', 'mosquitto-acl --topic-prefixes fleet/things'),
    )
    .action(({ user, topicPrefixes }: { user: string; topicPrefixes?: string }) => {
      const config = loadConfig({ [env]: process.env[env] }, { topicPrefixes });
      process.stdout.write(mosquittoAcl(config.topicPrefixes, user));
    });
}

function userName(text: string): string {
  if (/^[^\s:#+/]{1,128}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 128 characters without blanks, ":", "#", "+" and "/".');
}
