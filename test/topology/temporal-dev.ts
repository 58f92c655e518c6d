/** Temporal's dev server in the place of a cluster: one process on SQLite, which every machine that tests Muster has. */
import fs from 'node:fs';
import path from 'node:path';
import { findTemporalExecutable } from '../../src/runtime/temporal-executable';
import { Part } from './part';
import { stablePorts } from './ports';
import { ensureNamespace, NAMESPACE, type TemporalServer } from './temporal-cluster';

export async function createTemporalDev(directory: string): Promise<TemporalServer> {
  fs.mkdirSync(directory, { recursive: true });
  const [port = 0] = await stablePorts(1);
  const address = `127.0.0.1:${port}`;
  return {
    address,
    part: new Part({
      name: 'temporal',
      command: await findTemporalExecutable(process.env, console.log),
      args: [
        ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)],
        ...['--db-filename', path.join(directory, 'temporal.db'), '--namespace', NAMESPACE],
        ...['--log-level', 'error', '--sqlite-pragma', 'journal_mode=WAL'],
      ],
      logFile: path.join(directory, 'log'),
      ready: () => ensureNamespace(address),
    }),
  };
}
