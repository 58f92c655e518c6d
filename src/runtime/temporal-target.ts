/** Where Temporal runs and how to get in, from the configuration. */
import fs from 'node:fs';
import type { TLSConfig } from '@temporalio/common/lib/internal-non-workflow';
import { CONFIG_OPTIONS, ConfigError, type Config } from './config';

/** What both of the SDK's connections take. */
export interface TemporalTarget {
  /** host:port of its gRPC. */
  address: string;
  /** False: in the clear, also with an API key. */
  tls: TLSConfig | false;
  apiKey?: string;
}

const TLS_OPTIONS = [
  'temporalTlsServerCaCertPath',
  'temporalTlsClientCertPath',
  'temporalTlsClientKeyPath',
  'temporalTlsServerName',
] as const;
type TlsOption = (typeof TLS_OPTIONS)[number];

/**
 * The Temporal of `TEMPORAL_ADDRESS`; undefined where Muster is to start its own.
 * @throws ConfigError for options that contradict each other or name a file that can't be read
 */
export function temporalTarget(config: Config): TemporalTarget | undefined {
  const { temporalAddress: address, temporalApiKey: apiKey } = config;
  if (!address) {
    const stray = [...TLS_OPTIONS, 'temporalApiKey' as const].find((option) => config[option]);
    if (!stray && !config.temporalTls) return undefined;
    throw new ConfigError(
      `${CONFIG_OPTIONS[stray ?? 'temporalTls'].env} is for a Temporal that runs already: set TEMPORAL_ADDRESS, too, or leave it out.`,
    );
  }
  return { address, tls: tlsOf(config), apiKey };
}

/** As Temporal's own tools have it: any of its options and an API key turn TLS on, unless it is turned off. */
function tlsOf(config: Config): TLSConfig | false {
  const given = TLS_OPTIONS.find((option) => config[option]);
  if (config.temporalTls === false) {
    if (given)
      throw new ConfigError(`TEMPORAL_TLS is false, but ${CONFIG_OPTIONS[given].env} is set; leave one out.`);
    return false;
  }
  if (config.temporalTls === undefined && !given && !config.temporalApiKey) return false;
  const crt = read(config, 'temporalTlsClientCertPath');
  const key = read(config, 'temporalTlsClientKeyPath');
  if (!crt !== !key)
    throw new ConfigError(
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH belong together; set both or neither.',
    );
  return {
    serverNameOverride: config.temporalTlsServerName,
    serverRootCACertificate: read(config, 'temporalTlsServerCaCertPath'),
    clientCertPair: crt && key && { crt, key },
  };
}

function read(config: Config, option: Exclude<TlsOption, 'temporalTlsServerName'>): Buffer | undefined {
  const file = config[option];
  if (file === undefined) return undefined;
  const pem = readConfigFile(file, CONFIG_OPTIONS[option].env);
  if (!pem.includes('-----BEGIN '))
    throw new ConfigError(
      `${CONFIG_OPTIONS[option].env} "${file}" holds no PEM; name a file that begins with -----BEGIN.`,
    );
  return pem;
}

/** @throws ConfigError naming the option */
export function readConfigFile(file: string, env: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `${env} "${file}" can't be read (${code}); correct the path or the file's permissions.`,
    );
  }
}
