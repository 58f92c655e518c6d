/** Lets Temporal's UI and command line show what Muster has encrypted: Temporal's codec server protocol. */
import type { Payload, PayloadCodec } from '@temporalio/common';
import type { RequestHandler } from 'express';
import type { z } from 'zod';
import { MusterError } from '../contract/errors';
import type { payloads } from '../contract/rest';
import type { Handlers } from './mount';

type Encoded = z.output<typeof payloads>;

export function codecRoutes(codec: PayloadCodec): Handlers<'decodePayloads' | 'encodePayloads'> {
  return {
    async decodePayloads({ body }) {
      try {
        return toBody(await codec.decode(payloadsIn(body)));
      } catch (error) {
        throw new MusterError('InvalidRequest', (error as Error).message);
      }
    },

    async encodePayloads({ body }) {
      return toBody(await codec.encode(payloadsIn(body)));
    },
  };
}

/** The page of one other origin may call, with the session of whoever has signed in to Muster in that browser. */
export function allowOrigin(origin: string): RequestHandler {
  return (req, res, next) => {
    res.vary('Origin');
    if (req.get('origin') !== origin) return next();
    res.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' });
    if (req.method !== 'OPTIONS') return next();
    res.set({
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Namespace',
      'Access-Control-Max-Age': '600',
    });
    res.status(204).end();
  };
}

/** As protobuf's JSON has it: bytes in base64, what is empty left out. */
function payloadsIn({ payloads = [] }: Encoded): Payload[] {
  return payloads.map(({ metadata, data }) => {
    const entries = Object.entries(metadata ?? {});
    return {
      metadata: Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
      data: Buffer.from(data ?? '', 'base64'),
    };
  });
}

function toBody(decoded: Payload[]): Encoded {
  return {
    payloads: decoded.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
      ),
      data: Buffer.from(data ?? []).toString('base64'),
    })),
  };
}
