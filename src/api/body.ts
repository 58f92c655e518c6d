/** Bodies of requests. */
import { raw, type Request, type RequestHandler } from 'express';
import { MusterError } from '../contract/errors';
import { decodeUtf8 } from '../contract/utf8';
import { parseKeeping } from '../domain/json-text';

interface BodyOptions {
  /** Bytes. */
  bodyLimit: number;
  /** The member that is kept as text. */
  bodyText?: string;
  /** Left out, the body is an empty object. */
  bodyOptional?: true;
}

/**
 * Reads the body of a request as a JSON object in UTF-8; one that is left out is undefined.
 * @throws MusterError UnsupportedMediaType, PayloadTooLarge, InvalidJson
 */
export function readJson({ bodyLimit, bodyText, bodyOptional }: BodyOptions): RequestHandler[] {
  const requireJson: RequestHandler = (req, _res, next) => {
    if (isEmpty(req) || (req.is('application/json') && isUtf8(req))) return next();
    throw new MusterError(
      'UnsupportedMediaType',
      `The body must be application/json in UTF-8, not "${req.get('content-type') ?? 'of no type'}".`,
    );
  };
  const readBytes = raw({ limit: bodyLimit, type: 'application/json' });
  const parse: RequestHandler = (req, _res, next) => {
    const bytes: unknown = req.body;
    const given = Buffer.isBuffer(bytes) && bytes.length > 0;
    req.body = given ? parseObject(bytes, bodyText) : bodyOptional ? {} : undefined;
    next();
  };
  return [requireJson, readBytes, parse];
}

/** @throws MusterError InvalidJson */
function parseObject(bytes: Buffer, keptAsText: string | undefined): object {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    throw new MusterError('InvalidJson', 'The body is not UTF-8; send it in that encoding.');
  const value = parseJson(text, keptAsText);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new MusterError('InvalidJson', 'The body must be a JSON object: {…}.');
}

function parseJson(text: string, keptAsText: string | undefined): unknown {
  try {
    return parseKeeping(text, keptAsText);
  } catch (error) {
    throw new MusterError(
      'InvalidJson',
      `The body is not JSON: ${withoutQuotation((error as Error).message)}.`,
    );
  }
}

/** What the parser quotes of the body may be part of a secret. */
function withoutQuotation(message: string): string {
  return message.replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '');
}

function isUtf8(req: Request): boolean {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(req.get('content-type') ?? '') ?? [];
  return /^utf-?8$/i.test(charset);
}

function isEmpty(req: Request): boolean {
  return req.get('transfer-encoding') === undefined && Number(req.get('content-length') ?? 0) === 0;
}
