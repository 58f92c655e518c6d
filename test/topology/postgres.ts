/** PostgreSQL in a directory of its own. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findPostgres } from '../support/postgres';
import { Part } from './part';
import { runAs } from './run-as';

const run = promisify(execFile);

export interface Postgres {
  part: Part;
  port: number;
  user: string;
}

/** Initialises the directory. The part is not started yet. */
export async function createPostgres(directory: string, port: number): Promise<Postgres> {
  fs.mkdirSync(directory, { recursive: true });
  const bin = findPostgres();
  if (!bin) throw new Error('There is no PostgreSQL: apt-get install postgresql');
  const user = runAs('postgres', directory);
  const data = path.join(directory, 'data');
  await run(
    path.join(bin, 'initdb'),
    ['-D', data, '-U', 'muster', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
    user,
  );
  fs.appendFileSync(
    path.join(data, 'postgresql.conf'),
    [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${directory}'`,
      'max_connections = 200',
      "shared_buffers = '256MB'",
      '',
    ].join('\n'),
  );
  const connection = { host: '127.0.0.1', port, user: 'muster', database: 'postgres' };
  return {
    port,
    user: 'muster',
    part: new Part({
      name: 'postgres',
      command: path.join(bin, 'postgres'),
      args: ['-D', data],
      user,
      logFile: path.join(directory, 'log'),
      // Does not wait for sessions to end.
      stopSignal: 'SIGINT',
      ready: () => ask(connection, 'select 1'),
    }),
  };
}

export async function createDatabase({ port, user }: Postgres, name: string): Promise<void> {
  await ask({ host: '127.0.0.1', port, user, database: 'postgres' }, `create database ${name}`);
}

async function ask(connection: object, sql: string): Promise<void> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}
