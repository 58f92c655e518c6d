/** A PostgreSQL of the test's own, in a temporary directory. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { findOnPath } from '../../src/runtime/temporal-executable';
import { HAPPENS_WITHIN_MS } from './deadlines';

const DEBIAN = '/usr/lib/postgresql';
const GET_IT = 'apt-get install postgresql';

export interface Postgres {
  /** Makes a database: an empty one, or a copy of another one that nobody is connected to. @returns its URL */
  createDatabase(template?: string): Promise<string>;
  /** Ends it as `pg_ctl stop -m` does: `fast` cuts all connections, `immediate` is a crash. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  /** Ends it and removes everything. */
  destroy(): Promise<void>;
  /** Where its programs are: `pg_dump` and the others. */
  bin: string;
}

/** Directory of `initdb` and `postgres`, the newest where there are several; undefined where there is none. */
export function findPostgres(): string | undefined {
  const versions = fs.existsSync(DEBIAN) ? fs.readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => path.join(DEBIAN, version, 'bin'));
  const onPath = findOnPath('initdb', process.env.PATH);
  if (onPath) found.push(path.dirname(fs.realpathSync(onPath)));
  return found.find((bin) => fs.existsSync(path.join(bin, 'initdb')));
}

/** `describe` where there is a PostgreSQL; else its tests are skipped, with the line that gets it. */
export function describeWithPostgres(name: string, tests: () => void): void {
  if (findPostgres()) describe(name, tests);
  else describe.skip(`${name} (no PostgreSQL here: ${GET_IT})`, tests);
}

/**
 * Its databases sort by an English locale where that can be had, as many do in the field. It does not wait for the
 * disk: what it has taken survives its own end, and no more is asked here.
 */
export async function startPostgres(): Promise<Postgres> {
  const bin = findPostgres();
  if (!bin) throw new Error(`There is no PostgreSQL: ${GET_IT}`);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-postgres-'));
  const asOwner = unprivileged(directory);
  const data = path.join(directory, 'data');
  const locale = ['--locale-provider=icu', '--icu-locale=en-US'];
  const init = ['-D', data, '-U', 'muster', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'];
  try {
    execFileSync(path.join(bin, 'initdb'), [...init, ...locale], { ...asOwner, stdio: 'ignore' });
  } catch {
    fs.rmSync(data, { recursive: true, force: true });
    execFileSync(path.join(bin, 'initdb'), init, { ...asOwner, stdio: 'ignore' });
  }
  const port = await freePort();
  const server = `postgres://muster@127.0.0.1:${port}`;
  let running: ChildProcess | undefined;
  let databases = 0;

  const postgres: Postgres = {
    bin,
    async createDatabase(template = `${server}/template1`) {
      const name = `muster_${++databases}`;
      await ask(
        `${server}/postgres`,
        `create database ${name} template ${new URL(template).pathname.slice(1)}`,
      );
      return `${server}/${name}`;
    },
    async start() {
      const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200'];
      const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory];
      running = spawn(path.join(bin, 'postgres'), [...args, ...settings.flatMap((s) => ['-c', s])], {
        ...asOwner,
        stdio: ['ignore', 'ignore', fs.openSync(path.join(directory, 'log'), 'a')],
      });
      await untilReady(running, `${server}/postgres`);
    },
    async stop(mode = 'fast') {
      if (!running) return;
      const ended = once(running, 'exit');
      running.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      running = undefined;
      await ended;
    },
    async destroy() {
      await postgres.stop('immediate');
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
  await postgres.start();
  return postgres;
}

async function untilReady(server: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + HAPPENS_WITHIN_MS;
  for (;;) {
    try {
      return await ask(url, 'select 1');
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** PostgreSQL refuses to run as root. */
function unprivileged(directory: string): { uid?: number; gid?: number; cwd: string } {
  if (process.getuid?.() !== 0) return { cwd: directory };
  const nobody = /^nobody:[^:]*:(\d+):(\d+)/m.exec(fs.readFileSync('/etc/passwd', 'utf8'));
  const owner = { uid: Number(nobody?.[1]), gid: Number(nobody?.[2]) };
  fs.chownSync(directory, owner.uid, owner.gid);
  return { ...owner, cwd: directory };
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
