/**
 * Keeps what Temporal stores unreadable to Temporal: AES-256-GCM over each payload, in the clients and workers of
 * Muster. What is not encrypted passes as it is, so that encryption can be turned on while jobs run.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { METADATA_ENCODING_KEY, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { ConfigError, type Config } from './config';
import { readConfigFile } from './temporal-target';

const { Payload: PayloadMessage } = temporal.api.common.v1;

/** As Temporal's examples call it; its UI knows by it that there is something to decode. */
const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface PayloadKey {
  /** Of the key itself, so that nobody has to name keys. It tells nothing about the key. */
  id: string;
  key: Buffer;
}

/**
 * The keys of `MUSTER_PAYLOAD_KEY` or of its file; the first encrypts, all decrypt. None: nothing is encrypted.
 * @throws ConfigError without repeating a key
 */
export function payloadKeys({ payloadKey, payloadKeyFile: file }: Config): PayloadKey[] {
  if (payloadKey && file)
    throw new ConfigError('MUSTER_PAYLOAD_KEY and MUSTER_PAYLOAD_KEY_FILE are both set; leave one out.');
  if (!file) return parse(payloadKey ?? '', 'MUSTER_PAYLOAD_KEY');
  const keys = parse(
    readConfigFile(file, 'MUSTER_PAYLOAD_KEY_FILE').toString(),
    `MUSTER_PAYLOAD_KEY_FILE "${file}"`,
  );
  if (keys.length > 0) return keys;
  throw new ConfigError(
    `MUSTER_PAYLOAD_KEY_FILE "${file}" holds no key; make one with "openssl rand -base64 32".`,
  );
}

function parse(text: string, source: string): PayloadKey[] {
  const keys = text.split(/[\s,]+/).filter(Boolean);
  return keys.map((encoded) => {
    const key = Buffer.from(encoded, 'base64');
    if (key.length !== KEY_BYTES || key.toString('base64') !== encoded)
      throw new ConfigError(
        `${source} must hold keys of ${KEY_BYTES} bytes in base64, separated by commas or lines; make one with "openssl rand -base64 32".`,
      );
    return { id: createHash('sha256').update(key).digest('hex').slice(0, 16), key };
  });
}

/** @param keys the first encrypts; without any, payloads that are encrypted are refused and no other is touched */
export function createPayloadCodec(keys: readonly PayloadKey[]): PayloadCodec {
  const [current] = keys;
  return {
    encode: (payloads) =>
      Promise.resolve(current ? payloads.map((payload) => encrypt(payload, current)) : payloads),
    // Asynchronous, so that what it throws is a rejection.
    // eslint-disable-next-line @typescript-eslint/require-await
    decode: async (payloads) =>
      payloads.map((payload) => (isEncrypted(payload) ? decrypt(payload, keys) : payload)),
  };
}

function encrypt(payload: Payload, { id, key }: PayloadKey): Payload {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv);
  const plain = PayloadMessage.encode(payload).finish();
  const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { [METADATA_ENCODING_KEY]: Buffer.from(ENCRYPTED), [KEY_ID]: Buffer.from(id) }, data };
}

function decrypt(payload: Payload, keys: readonly PayloadKey[]): Payload {
  const id = metadata(payload, KEY_ID);
  const key = keys.find((one) => one.id === id)?.key;
  if (!key)
    throw new Error(
      `A payload is encrypted with the key ${id}, which is not among those of MUSTER_PAYLOAD_KEY; add it behind the others.`,
    );
  const data = Buffer.from(payload.data ?? []);
  try {
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(data.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return PayloadMessage.decode(plain);
  } catch (error) {
    throw new Error(`A payload under the key ${id} is damaged: it was changed after it was encrypted.`, {
      cause: error,
    });
  }
}

const isEncrypted = (payload: Payload) => metadata(payload, METADATA_ENCODING_KEY) === ENCRYPTED;

function metadata(payload: Payload, name: string): string {
  return Buffer.from(payload.metadata?.[name] ?? []).toString();
}
