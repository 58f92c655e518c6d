/** Several processes on one database: what can't work together is refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeWithPostgres, startPostgres, type Postgres } from './support/postgres';
import { startMuster, type Muster } from './support/muster';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

describeWithPostgres('one database, and the broker embedded in one process', () => {
  let postgres: Postgres;
  let env: NodeJS.ProcessEnv;
  let first: Muster;
  beforeAll(async () => {
    postgres = await startPostgres();
    env = { DATABASE_URL: await postgres.createDatabase() };
    first = await startMuster({ env });
    const file = path.join(first.dataDir, 'endpoints.json');
    env.TEMPORAL_ADDRESS = (JSON.parse(fs.readFileSync(file, 'utf8')) as { temporal: string }).temporal;
  });
  afterAll(async () => {
    await first.stop();
    await postgres.destroy();
  });

  test.each([['up'], ['serve', '--roles', 'api'], ['serve', '--mqtt-url', 'mqtt://127.0.0.1:1']])(
    'beside it, muster %s %s %s is refused',
    async (...args) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-second-'));
      const ports = { MUSTER_HTTP_PORT: '0', MUSTER_MQTT_PORT: '0', MUSTER_DATA_DIR: directory };
      const command = [MAIN, ...args.filter((arg) => arg !== undefined)];
      const child = spawn(process.execPath, command, { env: { ...process.env, ...env, ...ports } });
      let stderr = '';
      child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
      const [code] = (await once(child, 'close')) as [number];
      expect(stderr).toContain('Another process has the embedded MQTT broker');
      expect(code).toBe(2);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  );

  test('once it was killed, another takes its place', async () => {
    const { dataDir } = first;
    await first.kill9();
    first = await startMuster({ dataDir, env: { DATABASE_URL: env.DATABASE_URL } });
    expect((await first.api('GET', '/jobs')).status).toBe(200);
    await first.stop();
    first = await startMuster({ dataDir, env: { DATABASE_URL: env.DATABASE_URL } });
  });
});
