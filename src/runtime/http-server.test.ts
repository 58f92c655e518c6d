/** Clients that are slow, silent, greedy or many cost a connection for a while, and nobody else anything. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { startHttpServer, type HttpLimits, type HttpServer } from './http-server';

/** As in service, but for times that a test can wait. */
const LIMITS: HttpLimits = {
  headersTimeout: 300,
  requestTimeout: 600,
  connectionsCheckingInterval: 50,
  keepAliveTimeout: 60_000,
  idleTimeout: 60_000,
  maxConnections: 10_000,
  maxHeaderSize: 16 * 1024,
};
const LARGE = Buffer.alloc(32 * 1024 * 1024);

let server: HttpServer;
/** When the connection of somebody who asked for much has ended. */
let largeOver: Promise<void>;
const sockets: net.Socket[] = [];

async function serve(limits: Partial<HttpLimits> = {}): Promise<void> {
  let over: () => void;
  largeOver = new Promise((resolve) => (over = resolve));
  const app: RequestListener = (req, res) => {
    req.resume();
    if (req.url === '/large') res.on('close', over).end(LARGE);
    else req.on('end', () => res.end('served'));
  };
  server = await startHttpServer(app, { host: '127.0.0.1', port: 0 }, { ...LIMITS, ...limits });
}

afterEach(async () => {
  sockets.splice(0).forEach((socket) => socket.destroy());
  await server.stop();
});

async function connect(): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function expectServed(): Promise<void> {
  expect(await (await fetch(server.url)).text()).toBe('served');
}

test.each([
  ['says nothing', ''],
  ['never finishes its headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: '],
  ['never finishes its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n'],
])('who %s is closed, however steadily a byte comes', async (_who, beginning) => {
  await serve();
  const socket = await connect();
  const answer = text(socket);
  socket.write(beginning);
  const trickle = beginning && setInterval(() => socket.write('a'), 50);
  await expectServed();
  expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  if (trickle) clearInterval(trickle);
});

test('who does not read the answer is closed', async () => {
  await serve({ idleTimeout: 300 });
  const socket = await connect();
  socket.pause();
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  await expectServed();
  await largeOver;
});

test('headers and URLs are bounded', async () => {
  await serve();
  const long = 'x'.repeat(LIMITS.maxHeaderSize);
  expect((await fetch(`${server.url}/${long}`)).status).toBe(431);
  expect((await fetch(server.url, { headers: { 'x-long': long } })).status).toBe(431);
  await expectServed();
});

test('connections are bounded: those that are served go on, and others come when there is room', async () => {
  await serve({ maxConnections: 2, headersTimeout: 30_000, requestTimeout: 30_000 });
  const [first] = await Promise.all([connect(), connect()]);
  const refused = await connect();
  await once(refused, 'close');
  first.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await text(first)).toMatch(/served$/);
  await expectServed();
});

test('2,000 connections that say nothing keep nobody from being served', async () => {
  await serve({ headersTimeout: 30_000, requestTimeout: 30_000 });
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, connect));
  await expectServed();
  expect(sockets.filter((socket) => socket.destroyed)).toEqual([]);
});
