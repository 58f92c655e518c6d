/** mosquitto with a password file and an access list: each thing is let to its own topics only. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { connectAsync } from 'mqtt';
import { mosquittoAcl } from '../../src/mqtt/mosquitto-acl';
import { reachPort } from '../../src/runtime/ports';
import { eventually } from '../support/eventually';
import { Part } from './part';
import { runAs } from './run-as';

/** What the bridges and workers of the topology connect with. */
export const SERVICE = { username: 'muster', password: 'muster-in-the-topology' };

interface Login {
  username: string;
  password: string;
}

export interface Mosquitto {
  part: Part;
  port: number;
  passwordFile: string;
  /** Lets things in; resolves when it does. */
  admit(credentials: readonly Login[]): Promise<void>;
}

/** Lets things in; resolves when the broker does. */
export async function admit(
  { passwordFile, pid, url }: { passwordFile: string; pid: number; url: string },
  credentials: readonly Login[],
): Promise<void> {
  fs.appendFileSync(passwordFile, credentials.map(passwordLine).join(''));
  const last = credentials.at(-1);
  if (last) await untilLetIn(url, last, () => process.kill(pid, 'SIGHUP'));
}

/**
 * Has the broker read its files until it lets this thing in. Once is not enough: it loses a signal that comes while it
 * reads, and what was written meanwhile with it.
 */
export async function untilLetIn(
  url: string,
  { username, password }: Login,
  reload: () => void,
): Promise<void> {
  await eventually(async () => {
    reload();
    const options = { username, password, clientId: `probe-${username}`, reconnectPeriod: 0 };
    await (await connectAsync(url, options)).endAsync(true);
  });
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
  const passwordFile = file('passwords');
  const url = `mqtt://127.0.0.1:${port}`;
  return {
    ...{ part, port, passwordFile },
    admit: (credentials) => admit({ passwordFile, pid: part.pid!, url }, credentials),
  };
}

/** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
function passwordLine({ username, password }: { username: string; password: string }): string {
  const iterations = 101;
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `${username}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}
