/** mosquitto with a password file and an access list: each thing is let to its own topics only. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { mosquittoAcl } from '../../src/mqtt/mosquitto-acl';
import { reachPort } from '../../src/runtime/ports';
import { Part } from './part';
import { runAs } from './run-as';

/** What the bridges and workers of the topology connect with. */
export const SERVICE = { username: 'muster', password: 'muster-in-the-topology' };

export interface Mosquitto {
  part: Part;
  port: number;
  passwordFile: string;
}

/** Lets things in: in the file at once, at the broker when it has read the file again. */
export function admit(
  broker: { passwordFile: string; pid: number | undefined },
  credentials: readonly { username: string; password: string }[],
): void {
  fs.appendFileSync(broker.passwordFile, credentials.map(passwordLine).join(''));
  if (broker.pid !== undefined) process.kill(broker.pid, 'SIGHUP');
}

export function createMosquitto(directory: string, port: number, prefixes: readonly string[]): Mosquitto {
  fs.mkdirSync(directory, { recursive: true });
  const file = (name: string) => path.join(directory, name);
  fs.writeFileSync(file('passwords'), passwordLine(SERVICE));
  fs.writeFileSync(file('acl'), mosquittoAcl(prefixes, SERVICE.username));
  fs.writeFileSync(
    file('mosquitto.conf'),
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous false',
      `password_file ${file('passwords')}`,
      `acl_file ${file('acl')}`,
      'persistence true',
      `persistence_location ${directory}/`,
      // What a crash loses is sent again: a device repeats what is not answered.
      'autosave_interval 5',
      'max_queued_messages 10000',
      'max_inflight_messages 100',
      '',
    ].join('\n'),
  );
  const user = runAs('mosquitto', directory);
  const part = new Part({
    name: 'broker',
    command: 'mosquitto',
    args: ['-c', file('mosquitto.conf')],
    user,
    logFile: file('log'),
    ready: () => reachPort(port, '127.0.0.1'),
  });
  return { part, port, passwordFile: file('passwords') };
}

/** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
function passwordLine({ username, password }: { username: string; password: string }): string {
  const iterations = 101;
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `${username}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}
