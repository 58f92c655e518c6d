import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { MusterClient } from './client';
import { UsageError } from './failures';

/** The options of every command that talks to a running Muster. */
export interface ClientOptions {
  url?: string;
  apiKey?: string;
  dataDir?: string;
  /** Seconds. */
  timeout: number;
  json?: boolean;
}

/** The addresses that a ready Muster keeps in its data directory. */
interface Endpoints {
  http?: string;
  mqtt?: string;
}

/** A command that talks to a running Muster: `usage` is its name with its arguments. */
export function clientCommand(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--json', 'print the body of the answer instead of a table')
    .option('--url <url>', 'where Muster is (default: from the data directory, else http://127.0.0.1:8080)')
    .option('--api-key <key:secret>', 'who asks (default: MUSTER_API_KEY)')
    .option(
      '--data-dir <dir>',
      'the data directory of a Muster on this machine (default: MUSTER_DATA_DIR or .muster)',
    )
    .option('--timeout <seconds>', 'how long to wait for an answer', positiveNumber, 30);
}

/** A command that prints a list. */
export function listCommand(parent: Command, usage: string, description: string): Command {
  return clientCommand(parent, usage, description).option(
    '--limit <n>',
    'how many to show at most',
    positiveInteger,
    50,
  );
}

/** Examples at the end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ muster ${line}`).join('\n')}`;
}

/** @throws UsageError when no key is given, or one without its secret. */
export function clientFor(options: ClientOptions): MusterClient {
  return new MusterClient({
    url: httpUrl(options),
    key: parseApiKey(options.apiKey ?? process.env.MUSTER_API_KEY),
    timeoutMs: options.timeout * 1000,
  });
}

/** The directory that a Muster on this machine keeps its data in. */
export function dataDirectory({ dataDir }: Pick<ClientOptions, 'dataDir'>): string {
  return dataDir ?? (process.env.MUSTER_DATA_DIR || '.muster');
}

/** Where the broker is: as given, else as the running Muster says, else where it is by default. */
export function mqttUrl(options: ClientOptions & { mqttUrl?: string }): string {
  return (
    options.mqttUrl ||
    process.env.MQTT_URL ||
    endpoints(options).mqtt ||
    `mqtt://127.0.0.1:${process.env.MUSTER_MQTT_PORT || 1883}`
  );
}

function httpUrl(options: ClientOptions): string {
  const url =
    options.url || endpoints(options).http || `http://127.0.0.1:${process.env.MUSTER_HTTP_PORT || 8080}`;
  if (!URL.canParse(url))
    throw new UsageError(`--url ${url} is not a URL; give one like http://127.0.0.1:8080.`);
  return url.replace(/\/+$/, '');
}

function endpoints(options: ClientOptions): Endpoints {
  try {
    return JSON.parse(readFileSync(join(dataDirectory(options), 'endpoints.json'), 'utf8')) as Endpoints;
  } catch {
    // It is there only while a Muster with this data directory is ready.
    return {};
  }
}

/** `key:secret` taken apart. @throws UsageError */
export function parseApiKey(text: string | undefined): { key: string; secret: string } {
  if (!text) {
    throw new UsageError(
      'No API key: give --api-key key:secret or set MUSTER_API_KEY ("muster up" prints a key when it makes one up).',
    );
  }
  const [, key, secret] = /^([^:]+):(.+)$/.exec(text) ?? [];
  if (!key || !secret) throw new UsageError('The API key must be key:secret, with a colon between the two.');
  return { key, secret };
}

/** For an option that may be given several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** For `--attribute name=value`, given any number of times. */
export function collectPair(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** A share as a number from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return value;
}

/** `3-8`, or `5` for exactly five. */
export function range(text: string): { min: number; max: number } {
  const [, low = '', high = low] = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  const [min, max] = [Number(low), Number(high)];
  if (low === '' || min > max)
    throw new InvalidArgumentError('It must be seconds like 5, or a range like 3-8.');
  return { min, max };
}
