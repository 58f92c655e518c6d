import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HAPPENS_WITHIN_MS } from '../../test/support/deadlines';
import { MusterClient, Unreachable } from './client';

const key = { key: 'admin', secret: 'secret' };
let server: Server;

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<MusterClient> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new MusterClient({ url: address(), key, timeoutMs: HAPPENS_WITHIN_MS });
}

function address(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

afterEach(async () => {
  if (server.listening) await stop();
});

describe('MusterClient', () => {
  it('follows pages up to the limit and says that there is more', async () => {
    const asked: string[] = [];
    const client = await serve((request, response) => {
      const { searchParams } = new URL(request.url ?? '', address());
      asked.push(request.url ?? '');
      const from = Number(searchParams.get('cursor') ?? 0);
      const count = Number(searchParams.get('limit'));
      const items = Array.from({ length: count }, (_, index) => from + index);
      response.end(JSON.stringify({ items, nextCursor: String(from + count) }));
    });
    const page = await client.list<number>('/things', { tag: ['a', 'b'], name: undefined }, 300);
    expect(page.items).toEqual(Array.from({ length: 300 }, (_, index) => index));
    expect(page.nextCursor).toBe('300');
    expect(asked).toEqual([
      '/api/v1/things?tag=a&tag=b&limit=250',
      '/api/v1/things?tag=a&tag=b&limit=50&cursor=250',
    ]);
  });

  it('says who asks', async () => {
    const client = await serve((request, response) =>
      response.end(JSON.stringify({ seen: request.headers.authorization })),
    );
    expect(await client.get('/jobs')).toEqual({
      seen: `Basic ${Buffer.from('admin:secret').toString('base64')}`,
    });
  });

  it('tells a refusal with every field at fault', async () => {
    const client = await serve((_, response) => {
      response.writeHead(400, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({
          title: 'Invalid request',
          detail: 'The body breaks 2 rules.',
          code: 'InvalidRequest',
          errors: [
            { path: 'document', message: 'is missing' },
            { path: 'targets.thingNames[0]', message: 'is empty' },
          ],
        }),
      );
    });
    await expect(client.post('/jobs', {})).rejects.toThrow(
      'The body breaks 2 rules. (InvalidRequest)\n  document: is missing\n  targets.thingNames[0]: is empty',
    );
  });

  it('tells a refusal that is no problem document', async () => {
    const client = await serve((_, response) => void response.writeHead(502).end('bad gateway'));
    await expect(client.get('/jobs')).rejects.toThrow('bad gateway');
  });

  it('gives up on a server that does not answer', async () => {
    await serve(() => undefined);
    const client = new MusterClient({ url: address(), key, timeoutMs: 500 });
    await expect(client.get('/jobs')).rejects.toThrow(/did not answer within 0.5 s/);
  });

  it('says where nobody is and what to do', async () => {
    await serve(() => undefined);
    const url = address();
    await stop();
    const gone = new MusterClient({ url, key, timeoutMs: HAPPENS_WITHIN_MS }).get('/jobs');
    await expect(gone).rejects.toThrow(Unreachable);
    await expect(gone).rejects.toThrow(/ECONNREFUSED.*muster up/);
  });
});
