import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fc from 'fast-check';
import { ConfigError, loadConfig } from './config';
import { createPayloadCodec, payloadKeys } from './payload-codec';

const newKey = () => randomBytes(32).toString('base64');
const codecOf = (...keys: string[]) =>
  createPayloadCodec(payloadKeys(loadConfig({ MUSTER_PAYLOAD_KEY: keys.join(',') })));
const [A, B] = [newKey(), newKey()];
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Payload | undefined): unknown => defaultPayloadConverter.fromPayload(payload!);

test('what goes through comes back, and can be read nowhere between', async () => {
  const codec = codecOf(A);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), fc.stringMatching(/^[a-z]{12,}$/), async (values, secret) => {
      const payloads = [...values, { secret }].map(payloadOf);
      const encoded = await codec.encode(payloads);
      for (const { data } of encoded) expect(Buffer.from(data!).toString('latin1')).not.toContain(secret);
      const decoded = await codec.decode(encoded);
      expect(decoded.map(valueOf)).toEqual(payloads.map(valueOf));
    }),
  );
});

test('after a rotation, old and new payloads are read and new ones are of the new key', async () => {
  const old = await codecOf(A).encode([payloadOf('old')]);
  const rotated = codecOf(B, A);
  const fresh = await rotated.encode([payloadOf('fresh')]);
  expect((await rotated.decode([...old, ...fresh])).map(valueOf)).toEqual(['old', 'fresh']);
  await expect(codecOf(B).decode(fresh)).resolves.toHaveLength(1);
  await expect(codecOf(A).decode(fresh)).rejects.toThrow('not among those of MUSTER_PAYLOAD_KEY');
});

test('what is not encrypted is read as it is, with and without a key', async () => {
  const plain = [payloadOf({ a: 1 })];
  expect(await codecOf(A).decode(plain)).toEqual(plain);
  expect(await codecOf().decode(plain)).toEqual(plain);
  expect(await codecOf().encode(plain)).toEqual(plain);
});

test('without the key nothing is read, and it is said which is missing', async () => {
  const encoded = await codecOf(A).encode([payloadOf(1)]);
  const id = Buffer.from(encoded[0]!.metadata!['encryption-key-id']!).toString();
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  await expect(codecOf().decode(encoded)).rejects.toThrow(`encrypted with the key ${id}`);
});

test('a payload that was changed is refused', async () => {
  const codec = codecOf(A);
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const [payload] = await codec.encode([payloadOf('something')]);
      const data = Buffer.from(payload!.data!);
      data[at % data.length]! ^= change;
      await expect(codec.decode([{ ...payload, data }])).rejects.toThrow('is damaged');
    }),
  );
  await expect(
    codec.decode([{ ...(await codec.encode([payloadOf(1)]))[0], data: new Uint8Array(3) }]),
  ).rejects.toThrow('is damaged');
});

test.each(['short', randomBytes(31).toString('base64'), `${newKey()},x`, randomBytes(32).toString('hex')])(
  'the key %j is refused and not repeated',
  (text) => {
    const read = () => payloadKeys(loadConfig({ MUSTER_PAYLOAD_KEY: text }));
    expect(read).toThrow(ConfigError);
    expect(read).toThrow('openssl rand -base64 32');
    expect(read).not.toThrow(text);
  },
);

test('keys come from a file, one a line', () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'muster-key-')), 'keys');
  const read = (env: NodeJS.ProcessEnv = {}) =>
    payloadKeys(loadConfig({ MUSTER_PAYLOAD_KEY_FILE: file, ...env }));
  expect(read).toThrow(`MUSTER_PAYLOAD_KEY_FILE "${file}" can't be read (ENOENT)`);
  fs.writeFileSync(file, '\n');
  expect(read).toThrow('holds no key');
  fs.writeFileSync(file, `${A}\n${B}\n`);
  expect(read()).toEqual(payloadKeys(loadConfig({ MUSTER_PAYLOAD_KEY: `${A},${B}` })));
  expect(() => read({ MUSTER_PAYLOAD_KEY: A })).toThrow('both set');
  fs.rmSync(path.dirname(file), { recursive: true });
});
