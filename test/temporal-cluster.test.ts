/** A Temporal that somebody else runs: behind TLS, with client certificates or API keys, its operators not let in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createAuthority, describeWithOpenssl, type Authority } from './support/certificates';
import { createJob, newDevice, untilExecution, untilJob } from './support/jobs';
import { startLocalTemporal } from './support/local-temporal';
import { startMuster } from './support/muster';
import { Link } from './topology/link';

const MAIN = path.resolve(__dirname, '../dist/src/cli/main.js');
const SERVER_NAME = 'temporal.example.com';

describeWithOpenssl('a Temporal behind TLS', () => {
  let directory: string;
  let authority: Authority;
  let temporal: TestWorkflowEnvironment;
  let proxy: tls.Server;
  const sockets = new Set<net.Socket>();

  beforeAll(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-tls-'));
    authority = createAuthority(directory);
    temporal = await startLocalTemporal();
    const { certFile, keyFile } = authority.issue(SERVER_NAME);
    proxy = tls.createServer({
      cert: fs.readFileSync(certFile),
      key: fs.readFileSync(keyFile),
      ca: fs.readFileSync(authority.caFile),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    });
    proxy.on('tlsClientError', () => undefined);
    proxy.on('secureConnection', (client) => {
      const server = net.connect(portOf(temporal), '127.0.0.1');
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => (client.destroy(), server.destroy()));
      }
      client.pipe(server).pipe(client);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterAll(async () => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
    await temporal.teardown();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  const environment = (given: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
    const { certFile, keyFile } = authority.issue('muster.example.com');
    return {
      TEMPORAL_ADDRESS: addressOf(proxy),
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.caFile,
      TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
      TEMPORAL_TLS_CLIENT_CERT_PATH: certFile,
      TEMPORAL_TLS_CLIENT_KEY_PATH: keyFile,
      ...given,
    };
  };

  test('jobs run through it', async () => {
    const muster = await startMuster({ env: environment({ MUSTER_WORKER_CACHED_WORKFLOWS: '10' }) });
    const device = await newDevice(muster, 'boiler');
    const jobId = await createJob(muster, { targets: { thingNames: ['boiler'] } });
    await untilExecution(muster, jobId, 'boiler', { status: 'QUEUED' });
    await device.request('start-next');
    await device.request(`${jobId}/update`, { status: 'SUCCEEDED' });
    await untilJob(muster, jobId, 'COMPLETED', { SUCCEEDED: 1 });
    await device.close();
    await muster.stop();
  });

  test.each([
    ['without a client certificate', { TEMPORAL_TLS_CLIENT_CERT_PATH: '', TEMPORAL_TLS_CLIENT_KEY_PATH: '' }],
    ['with the authorities of the system', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '' }],
  ])('%s it says that it does not answer over TLS', async (_, given) => {
    const { code, stderr } = await serve(environment(given));
    expect(stderr).toContain(`Temporal at TEMPORAL_ADDRESS "${addressOf(proxy)}" does not answer over TLS`);
    expect(code).toBe(2);
  });
});

test('a Temporal that is out of reach for a moment just when the worker starts is waited for', async () => {
  const temporal = await startLocalTemporal();
  // The first connection is the client's; the worker's are broken off a few times.
  const link = await Link.to('temporal', portOf(temporal), (connection) => connection > 1 && connection < 5);

  try {
    const muster = await startMuster({ env: { TEMPORAL_ADDRESS: `127.0.0.1:${link.port}` } });
    expect(link.connections).toBeGreaterThanOrEqual(5);
    await muster.stop();
  } finally {
    link.close();
    await temporal.teardown();
  }
});

/** A Temporal Cloud in small: it knows one API key, and keeps its operators' calls to itself. */
describe('a Temporal that answers with refusals', () => {
  let server: http2.Http2Server;
  const asked: { path: string; authorization: string }[] = [];
  let refusals: Record<string, number>;

  beforeAll(async () => {
    server = http2.createServer();
    server.on('stream', (stream, headers) => {
      const call = String(headers[':path']).split('/').at(-1)!;
      asked.push({ path: call, authorization: String(headers.authorization) });
      stream.resume().on('error', () => undefined);
      const trailers = { 'grpc-status': String(refusals[call] ?? 0), 'grpc-message': `no ${call}` };
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      // An empty message.
      stream.end(refusals[call] ? undefined : Buffer.alloc(5));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  const [INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED] = [3, 5, 7, 16];
  const environment = () => ({
    TEMPORAL_ADDRESS: addressOf(server),
    TEMPORAL_TLS: 'false',
    TEMPORAL_API_KEY: 'tmprl-secret',
    TEMPORAL_NAMESPACE: 'fleet',
  });

  test('the API key goes along, and is in no message', async () => {
    refusals = { DescribeNamespace: UNAUTHENTICATED };
    const { code, stderr } = await serve(environment());
    expect(asked[0]).toEqual({ path: 'GetSystemInfo', authorization: 'Bearer tmprl-secret' });
    expect(stderr).toContain(
      'does not let Muster into the namespace "fleet" (no DescribeNamespace); check TEMPORAL_API_KEY',
    );
    expect(stderr).not.toContain('tmprl-secret');
    expect(code).toBe(2);
  });

  test('a namespace that is missing comes with the command that makes it', async () => {
    refusals = { DescribeNamespace: NOT_FOUND };
    expect((await serve(environment())).stderr).toContain(
      `"temporal operator namespace create --address ${addressOf(server)} --retention 3d fleet"`,
    );
  });

  test('search attributes that it may not add come with the command that does', async () => {
    refusals = {
      ListSearchAttributes: PERMISSION_DENIED,
      AddSearchAttributes: PERMISSION_DENIED,
      CountWorkflowExecutions: INVALID_ARGUMENT,
    };
    const { code, stderr } = await serve(environment());
    expect(stderr).toContain(
      '"temporal operator search-attribute create --namespace fleet --name JobId --type Keyword --name ThingName --type Keyword',
    );
    expect(code).toBe(2);
  });
});

test.each([
  [{ TEMPORAL_API_KEY: 'k' }, 'TEMPORAL_API_KEY is for a Temporal that runs already: set TEMPORAL_ADDRESS'],
  [{ TEMPORAL_TLS: 'true' }, 'TEMPORAL_TLS is for a Temporal that runs already'],
])('%j without an address is refused', async (env, sentence) => {
  expect((await run(['up'], env)).stderr).toContain(sentence);
});

test.each([
  [
    { TEMPORAL_TLS: 'false', TEMPORAL_TLS_SERVER_NAME: 'a' },
    'TEMPORAL_TLS is false, but TEMPORAL_TLS_SERVER_NAME',
  ],
  [
    { TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere' },
    'TEMPORAL_TLS_CLIENT_CERT_PATH "/nowhere" can\'t be read (ENOENT)',
  ],
  [{ TEMPORAL_TLS_SERVER_CA_CERT_PATH: MAIN }, 'holds no PEM'],
  [{ MUSTER_PAYLOAD_KEY: 'x' }, 'MUSTER_PAYLOAD_KEY must hold keys of 32 bytes in base64'],
])('%j is refused', async (env, sentence) => {
  const { code, stderr } = await serve({ TEMPORAL_ADDRESS: '127.0.0.1:1', ...env });
  expect(stderr).toContain(sentence);
  expect(code).toBe(2);
});

function addressOf(server: net.Server): string {
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

function portOf(temporal: TestWorkflowEnvironment): number {
  return Number(temporal.address.split(':')[1]);
}

const serve = (env: NodeJS.ProcessEnv) => run(['serve'], env);

/** Runs a command that is to be refused. */
async function run(args: string[], env: NodeJS.ProcessEnv): Promise<{ code: number; stderr: string }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-refused-'));
  const ports = { MUSTER_HTTP_PORT: '0', MUSTER_MQTT_PORT: '0' };
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...ports, MUSTER_DATA_DIR: directory, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const [code] = (await once(child, 'close')) as [number];
  fs.rmSync(directory, { recursive: true, force: true });
  return { code, stderr };
}
