import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { eventually } from '../../test/support/eventually';
import { createLogger } from './logs';
import { openDataDir, type DataDir } from './data-dir';
import { watchDisk, type DiskWatch } from './disk-watch';
import { ensureSearchAttributes, pingTemporal, searchByAll } from './temporal-connection';
import { findOnPath } from './temporal-executable';
import { startTemporalServer, type TemporalService } from './temporal-launcher';

const executable = findOnPath('temporal', process.env.PATH);
if (!executable)
  console.warn(
    'Skipped: needs `temporal` on the PATH; go install github.com/temporalio/cli/cmd/temporal@v1.5.1',
  );

const FROM_THE_START = 'ThingName';
const ATTRIBUTES = ['JobId', FROM_THE_START];
const logger = createLogger('silent');
let dataDir: DataDir;
let disk: DiskWatch;
beforeEach(() => {
  dataDir = openDataDir(fs.mkdtempSync(path.join(os.tmpdir(), 'muster-temporal-')));
  disk = watchDisk(dataDir.path, logger);
});
afterEach(async () => {
  for (const server of running) await stop(server);
  disk.stop();
  dataDir.release();
  fs.rmSync(dataDir.path, { recursive: true });
});

/** So that a test which fails leaves none behind. */
const running = new Set<TemporalService>();
async function start(): Promise<TemporalService> {
  const server = await startTemporalServer({
    executable: executable ?? '',
    dataDir,
    port: 0,
    uiPort: 0,
    namespace: 'fleet',
    searchAttributes: [FROM_THE_START],
    logger,
    disk,
  });
  running.add(server);
  return server;
}
async function stop(server: TemporalService): Promise<void> {
  running.delete(server);
  await server.stop();
}
const pidOf = () =>
  (JSON.parse(fs.readFileSync(dataDir.file('temporal.pid.json'), 'utf8')) as { pid: number }).pid;
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const withTemporal = executable ? test : test.skip;

withTemporal('it starts, is searchable by the attributes, comes back after a crash and stops', async () => {
  const server = await start();
  await ensureSearchAttributes(server.connection, 'fleet', ATTRIBUTES);
  const { customAttributes } = await server.connection.operatorService.listSearchAttributes({
    namespace: 'fleet',
  });
  expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(ATTRIBUTES));

  const crashed = pidOf();
  process.kill(crashed, 'SIGKILL');
  await eventually(() => expect(pidOf()).not.toBe(crashed));
  await eventually(() => pingTemporal(server.connection));
  await ensureSearchAttributes(server.connection, 'fleet', ATTRIBUTES);

  const pid = pidOf();
  await stop(server);
  expect(isAlive(pid)).toBe(false);
  expect(fs.existsSync(dataDir.file('temporal.pid.json'))).toBe(false);
});

withTemporal(
  'what is searched by has an index, whichever column Temporal keeps it in, and nothing else',
  async () => {
    const server = await start();
    await searchByAll(server.connection, 'fleet', [FROM_THE_START]);
    const { config } = await server.connection.workflowService.describeNamespace({ namespace: 'fleet' });
    const [[column] = []] = Object.entries(config?.customSearchAttributeAliases ?? {});
    const ours = column?.replace('Keyword', 'by_keyword_');
    const standing = ['default_idx', 'by_workflow_id', 'by_workflow_type', 'by_status'];
    const related = ['by_parent_workflow_id', 'by_root_workflow_id'];
    expect(indexes().sort()).toEqual([...standing, ...related, ours].sort());
    await stop(server);

    const db = new Database(dataDir.file('temporal.db'));
    db.exec(`DROP INDEX ${ours}`);
    db.close();
    const restarted = await start();
    await searchByAll(restarted.connection, 'fleet', [FROM_THE_START]);
    expect(indexes()).toContain(ours);
  },
);

function indexes(): unknown[] {
  const db = new Database(dataDir.file('temporal.db'), { readonly: true });
  const where = "type = 'index' AND tbl_name = 'executions_visibility' AND sql IS NOT NULL";
  const names = db.prepare(`SELECT name FROM sqlite_schema WHERE ${where}`).pluck().all();
  db.close();
  return names;
}

withTemporal('a task queue has one partition, so that none can be without a poller', async () => {
  const server = await start();
  const { workflowTaskQueuePartitions } = await server.connection.workflowService.listTaskQueuePartitions({
    namespace: 'fleet',
    taskQueue: { name: 'any' },
  });
  expect(workflowTaskQueuePartitions).toHaveLength(1);
});

withTemporal('one left behind by a killed Muster is ended at the next start', async () => {
  const left = spawn(
    executable ?? '',
    ['server', 'start-dev', '--headless', '--port', '0', '--db-filename', dataDir.file('temporal.db')],
    { stdio: 'ignore' },
  );
  fs.writeFileSync(dataDir.file('temporal.pid.json'), JSON.stringify({ pid: left.pid }));
  await start();
  expect(left.signalCode ?? left.exitCode).not.toBeNull();
});

withTemporal('a process that took over the number of an ended one is left alone', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  fs.writeFileSync(dataDir.file('temporal.pid.json'), JSON.stringify({ pid: other.pid }));
  await start();
  expect(other.signalCode ?? other.exitCode).toBeNull();
  other.kill();
});

withTemporal('one that is killed while it starts is started again', async () => {
  const starting = start();
  const killed = await eventually(pidOf);
  process.kill(killed, 'SIGKILL');
  await starting;
  expect(pidOf()).not.toBe(killed);
});
