/** `http_proxy` and its like in the environment: Muster's own connections on this machine pass them by. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { connectDevice, createThing } from './support/device';
import { startMuster } from './support/muster';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');

let asked: number;
let proxy: net.Server;
beforeAll(async () => {
  asked = 0;
  proxy = net.createServer((socket) => {
    asked++;
    socket.destroy();
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => proxy.close());

it('starts, carries a job out and answers its command line', async () => {
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const proxies = ['http_proxy', 'https_proxy', 'grpc_proxy', 'all_proxy'].flatMap((name) => [
    [name, url],
    [name.toUpperCase(), url],
  ]);
  // Newer versions of Node.js let fetch use proxies, too.
  const env = { ...Object.fromEntries(proxies), NODE_USE_ENV_PROXY: '1', no_proxy: '', NO_PROXY: '' };
  const muster = await startMuster({ env });
  try {
    const device = await connectDevice(muster, await createThing(muster, 'a'));
    const targets = { thingNames: ['a'] };
    const created = await muster.api('POST', '/jobs', { targets, document: {} });
    const { jobId } = created.body as { jobId: string };
    await device.next('notify-next', ({ execution }) => execution?.jobId === jobId);
    expect(await device.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({
      accepted: true,
    });
    await device.close();

    const key = `${muster.key}:${muster.secret}`;
    const args = [MAIN, 'things', 'show', 'a', '--url', muster.http, '--api-key', key];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
    expect(stdout).toContain('MQTT client id');
    expect(asked).toBe(0);
  } finally {
    await muster.stop();
  }
});
