import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { DURABILITIES } from '../domain/durability';

/** Muster can't start as it is configured; the message is one sentence for the operator. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const PORT_RULE = 'must be a whole number from 0 to 65535; 0 picks a free port';
const port = z
  .string()
  .regex(/^\d+$/, PORT_RULE)
  .transform(Number)
  .refine((value) => value <= 65_535, PORT_RULE);

const API_KEY_RULE =
  'must be key:secret, the key 1 to 128 of letters, digits, "_", "-" and ".", but not "." or "..", the secret 1 to 256 printable characters';
const apiKey = z
  .string()
  .regex(/^(?!\.{1,2}:)[A-Za-z0-9_.-]{1,128}:[\x21-\x7e]{1,256}$/, API_KEY_RULE)
  .transform((pair) => {
    const colon = pair.indexOf(':');
    return { key: pair.slice(0, colon), secret: pair.slice(colon + 1) };
  });

/** Why a list of topic prefixes can't be served, or undefined when it can. */
function topicPrefixFault(prefixes: string[]): string | undefined {
  for (const [index, prefix] of prefixes.entries()) {
    if (prefix === '') return 'has an empty prefix; separate prefixes by one comma';
    if (prefix.length > 256) return 'has a prefix of more than 256 characters; shorten it';
    if (/[+#\s\p{Cc}]/u.test(prefix)) return `has "+", "#" or a blank in "${prefix}"; take them out`;
    if (prefix.split('/').includes(''))
      return `has an empty level in "${prefix}"; no "/" at its ends, no "//"`;
    if (/^\$(share|SYS)(\/|$)/.test(prefix))
      return `has "${prefix}", which is the broker's own; choose another`;
    const other = prefixes.find((p, i) => i !== index && (p === prefix || p.startsWith(`${prefix}/`)));
    if (other === prefix) return `has "${prefix}" twice; name it once`;
    if (other) return `has "${prefix}", which contains "${other}"; choose prefixes beside each other`;
  }
  return undefined;
}

const topicPrefixes = z
  .string()
  .transform((list) => list.split(',').map((prefix) => prefix.trim()))
  .superRefine((prefixes, context) => {
    const fault = topicPrefixFault(prefixes);
    if (fault) context.addIssue({ code: 'custom', message: fault });
  });

/** What a process can do; any number of processes in any mix make up one Muster. */
export const ROLES = ['api', 'worker', 'bridge'] as const;
export type Role = (typeof ROLES)[number];

const ROLES_RULE = `must be one or more of ${ROLES.join(', ')}, separated by commas`;
const roles = z
  .string()
  .transform((list) => [...new Set(list.split(',').map((role) => role.trim()))])
  .pipe(z.array(z.enum(ROLES, ROLES_RULE)));

const HOST_RULE = 'must be an IP address or a host name of this machine';
const host = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, HOST_RULE);

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];

/** Why a database can't be reached by a URL, or undefined when it can. */
function databaseUrlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be a URL: postgres://user:password@host:5432/database';
  const { protocol, hostname, pathname, searchParams } = new URL(url);
  if (!/^postgres(ql)?:$/.test(protocol)) return `must begin with postgres://, not ${protocol}//`;
  if (!hostname && !searchParams.has('host'))
    return 'must name a host: postgres://user:password@host/database';
  if (pathname.length < 2) return 'must name a database: postgres://user:password@host/database';
  const sslMode = searchParams.get('sslmode');
  if (sslMode !== null && !SSL_MODES.includes(sslMode))
    return `has sslmode "${sslMode}"; choose ${SSL_MODES.join(', ')}`;
  return undefined;
}

const databaseUrl = z.string().superRefine((url, context) => {
  const fault = databaseUrlFault(url);
  if (fault) context.addIssue({ code: 'custom', message: fault });
});

const FILE_RULE = 'must be the path of a file';
const file = z.string().min(1, FILE_RULE).max(4_096, FILE_RULE);

/** A whole number from `min` to `max`. */
function count(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine((value) => value >= min && value <= max, rule);
}

const MQTT_URL_RULE =
  'must be mqtt://, mqtts://, ws:// or wss:// with a host, for example mqtts://muster:secret@broker.example.com:8883';
/** The credentials of the URL apart, so that it can be shown. */
const mqttUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^(mqtts?|wss?):$/.test(url.protocol) || url.hostname === '') {
    context.addIssue({ code: 'custom', message: MQTT_URL_RULE });
    return z.NEVER;
  }
  const credential = (part: string) => (part === '' ? undefined : decodeURIComponent(part));
  const [username, password] = [credential(url.username), credential(url.password)];
  Object.assign(url, { username: '', password: '' });
  return { url: url.href, username, password };
});

const pemFile = z.string().transform((file, context) => {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    context.addIssue({ code: 'custom', message: `can't be read (${reason}); name a PEM file` });
    return z.NEVER;
  }
});

const SESSIONS_RULE = 'must be a whole number from 1 to 64';
const mqttSessions = z
  .string()
  .regex(/^\d{1,2}$/, SESSIONS_RULE)
  .transform(Number)
  .refine((count) => count >= 1 && count <= 64, SESSIONS_RULE);

const DAYS_RULE = 'must be a number of days above 0, up to 36,500; fractions are allowed';
const days = z
  .string()
  .regex(/^\d{1,5}(\.\d{1,6})?$/, DAYS_RULE)
  .transform(Number)
  .refine((value) => value > 0 && value <= 36_500, DAYS_RULE);

interface ConfigOption {
  /** Environment variable. An empty one counts as not set. */
  readonly env: string;
  /** Flag of `muster up` and `muster serve`; it overrides the environment variable. */
  readonly flag: string;
  /** As it would be written in the environment. Without one the option is optional. */
  readonly default?: string;
  /** Meaning and unit, for `--help`. */
  readonly meaning: string;
  /** A value that no message may repeat. */
  readonly secret?: true;
  readonly schema: z.ZodType<unknown, string>;
}

/**
 * Every option of a Muster process, once: validation, `--help` and the flags all come from this table.
 * A key is the camel-cased flag, as commander hands it over.
 */
export const CONFIG_OPTIONS = {
  roles: {
    env: 'MUSTER_ROLES',
    flag: '--roles <list>',
    default: ROLES.join(','),
    meaning: 'what a process of `muster serve` does: api, worker and bridge, separated by commas',
    schema: roles,
  },
  httpHost: {
    env: 'MUSTER_HTTP_HOST',
    flag: '--http-host <address>',
    default: '127.0.0.1',
    meaning: 'address that HTTP listens on; 0.0.0.0 for all of IPv4, :: for all',
    schema: host,
  },
  httpPort: {
    env: 'MUSTER_HTTP_PORT',
    flag: '--http-port <port>',
    default: '8080',
    meaning: 'port of the REST API, and in every process of health and metrics; 0 picks a free one',
    schema: port,
  },
  trustProxy: {
    env: 'MUSTER_TRUST_PROXY',
    flag: '--trust-proxy <n>',
    default: '0',
    meaning: 'proxies before the HTTP port, one behind the other, whose X-Forwarded headers count',
    schema: count(0, 10),
  },
  mqttHost: {
    env: 'MUSTER_MQTT_HOST',
    flag: '--mqtt-host <address>',
    default: '127.0.0.1',
    meaning: 'address that the embedded MQTT broker listens on',
    schema: host,
  },
  mqttPort: {
    env: 'MUSTER_MQTT_PORT',
    flag: '--mqtt-port <port>',
    default: '1883',
    meaning: 'port of the embedded MQTT broker; 0 picks a free one',
    schema: port,
  },
  temporalPort: {
    env: 'MUSTER_TEMPORAL_PORT',
    flag: '--temporal-port <port>',
    default: '7233',
    meaning: 'gRPC port of the embedded Temporal on 127.0.0.1; 0 picks a free one',
    schema: port,
  },
  temporalUiPort: {
    env: 'MUSTER_TEMPORAL_UI_PORT',
    flag: '--temporal-ui-port <port>',
    default: '8233',
    meaning: "port of the embedded Temporal's web UI on 127.0.0.1; 0 picks a free one",
    schema: port,
  },
  dataDir: {
    env: 'MUSTER_DATA_DIR',
    flag: '--data-dir <directory>',
    default: '.muster',
    meaning: 'directory of everything Muster keeps; made if missing, one Muster at a time',
    schema: z.string().transform((dir) => path.resolve(dir)),
  },
  durability: {
    env: 'MUSTER_DURABILITY',
    flag: '--durability <what>',
    default: 'process',
    meaning:
      'what an acknowledged write to the data directory survives: process (the end of any process), or power-cut, for which each write waits for the disk',
    schema: z.enum(DURABILITIES, `must be ${DURABILITIES.join(' or ')}`),
  },
  apiKey: {
    env: 'MUSTER_API_KEY',
    flag: '--api-key <key:secret>',
    meaning: 'the first administrator; made up and printed once when left out',
    secret: true,
    schema: apiKey,
  },
  topicPrefixes: {
    env: 'MUSTER_TOPIC_PREFIXES',
    flag: '--topic-prefixes <list>',
    default: '$emqx/things',
    meaning: 'device topic prefixes served side by side, separated by commas',
    schema: topicPrefixes,
  },
  temporalAddress: {
    env: 'TEMPORAL_ADDRESS',
    flag: '--temporal-address <host:port>',
    meaning: 'a Temporal that runs already; `muster up` starts its own when left out',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.[\]:_-]+:\d{1,5}$/, 'must be host:port, for example 127.0.0.1:7233'),
  },
  temporalNamespace: {
    env: 'TEMPORAL_NAMESPACE',
    flag: '--temporal-namespace <name>',
    default: 'default',
    meaning: 'Temporal namespace of the workflows',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9._-]{2,255}$/, 'must be 2 to 255 of letters, digits, ".", "_" and "-"'),
  },
  temporalApiKey: {
    env: 'TEMPORAL_API_KEY',
    flag: '--temporal-api-key <key>',
    meaning: 'API key for the Temporal of TEMPORAL_ADDRESS; turns TLS on',
    secret: true,
    schema: z.string().regex(/^[\x21-\x7e]{1,8192}$/, 'must be 1 to 8192 printable characters'),
  },
  temporalTls: {
    env: 'TEMPORAL_TLS',
    flag: '--temporal-tls <boolean>',
    meaning: 'TLS to Temporal, true or false; on by itself with any of the following or an API key',
    schema: z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true'),
  },
  temporalTlsServerCaCertPath: {
    env: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    flag: '--temporal-tls-server-ca-cert-path <file>',
    meaning:
      "PEM file of the authorities that Temporal's certificate may come from; the system's when left out",
    schema: file,
  },
  temporalTlsClientCertPath: {
    env: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
    flag: '--temporal-tls-client-cert-path <file>',
    meaning: "PEM file of Muster's certificate for Temporal",
    schema: file,
  },
  temporalTlsClientKeyPath: {
    env: 'TEMPORAL_TLS_CLIENT_KEY_PATH',
    flag: '--temporal-tls-client-key-path <file>',
    meaning: 'PEM file of the private key of that certificate',
    schema: file,
  },
  temporalTlsServerName: {
    env: 'TEMPORAL_TLS_SERVER_NAME',
    flag: '--temporal-tls-server-name <name>',
    meaning: "name in Temporal's certificate, where it is not the host of TEMPORAL_ADDRESS",
    schema: z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, 'must be a host name'),
  },
  temporalUiUrl: {
    env: 'MUSTER_TEMPORAL_UI_URL',
    flag: '--temporal-ui-url <url>',
    meaning:
      'web UI of the Temporal of TEMPORAL_ADDRESS: for links to it, and the one page that may use the codec',
    schema: z
      .url({ protocol: /^https?$/, error: 'must be a URL like https://temporal.example.com' })
      .transform((url) => url.replace(/\/+$/, '')),
  },
  payloadKey: {
    env: 'MUSTER_PAYLOAD_KEY',
    flag: '--payload-key <keys>',
    meaning:
      'keys that encrypt what Temporal stores, 32 bytes in base64, separated by commas: the first encrypts, all decrypt',
    secret: true,
    schema: z.string(),
  },
  payloadKeyFile: {
    env: 'MUSTER_PAYLOAD_KEY_FILE',
    flag: '--payload-key-file <file>',
    meaning: 'the same from a file, one key a line',
    schema: file,
  },
  workerCachedWorkflows: {
    env: 'MUSTER_WORKER_CACHED_WORKFLOWS',
    flag: '--worker-cached-workflows <n>',
    default: '2000',
    meaning: 'open workflows that a worker keeps in memory, about 0.3 MB each',
    schema: count(10, 100_000),
  },
  workerWorkflowTasks: {
    env: 'MUSTER_WORKER_WORKFLOW_TASKS',
    flag: '--worker-workflow-tasks <n>',
    default: '100',
    meaning: 'workflow tasks that a worker has in hand at once',
    schema: count(2, 2_000),
  },
  workerActivities: {
    env: 'MUSTER_WORKER_ACTIVITIES',
    flag: '--worker-activities <n>',
    default: '100',
    meaning:
      'activities that a worker runs at once: batches that are launched, jobs that are canceled or deleted',
    schema: count(1, 2_000),
  },
  workerLocalActivities: {
    env: 'MUSTER_WORKER_LOCAL_ACTIVITIES',
    flag: '--worker-local-activities <n>',
    default: '200',
    meaning: 'local activities that a worker runs at once: transitions that are recorded and answered',
    schema: count(2, 2_000),
  },
  workerWorkflowPollers: {
    env: 'MUSTER_WORKER_WORKFLOW_POLLERS',
    flag: '--worker-workflow-pollers <n>',
    default: '50',
    meaning: 'calls that wait for workflow tasks: from 8 up to this, as the load wants it',
    schema: count(5, 500),
  },
  workerActivityPollers: {
    env: 'MUSTER_WORKER_ACTIVITY_POLLERS',
    flag: '--worker-activity-pollers <n>',
    default: '20',
    meaning: 'calls that wait for activities: from 8 up to this, as the load wants it',
    schema: count(5, 500),
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    flag: '--database-url <url>',
    meaning:
      'PostgreSQL as postgres://user:password@host/database; an SQLite file in the data directory when left out',
    secret: true,
    schema: databaseUrl,
  },
  databasePoolSize: {
    env: 'MUSTER_DATABASE_POOL_SIZE',
    flag: '--database-pool-size <n>',
    default: '10',
    meaning: 'connections of this process to PostgreSQL at most',
    schema: count(1, 500),
  },
  retentionDays: {
    env: 'MUSTER_RETENTION_DAYS',
    flag: '--retention-days <days>',
    meaning: 'jobs that ended longer ago are deleted with their records; kept for ever when left out',
    schema: days,
  },
  mqttUrl: {
    env: 'MQTT_URL',
    flag: '--mqtt-url <url>',
    meaning: 'a broker in the place of the embedded one, with user:password where it wants them',
    secret: true,
    schema: mqttUrl,
  },
  mqttCa: {
    env: 'MUSTER_MQTT_CA',
    flag: '--mqtt-ca <file>',
    meaning: "PEM file of the authority that signed the broker's certificate; the system's when left out",
    schema: pemFile,
  },
  mqttCert: {
    env: 'MUSTER_MQTT_CERT',
    flag: '--mqtt-cert <file>',
    meaning: "PEM file of Muster's own certificate at the broker",
    schema: pemFile,
  },
  mqttKey: {
    env: 'MUSTER_MQTT_KEY',
    flag: '--mqtt-key <file>',
    meaning: 'PEM file of the key of that certificate',
    schema: pemFile,
  },
  mqttVersion: {
    env: 'MUSTER_MQTT_VERSION',
    flag: '--mqtt-version <version>',
    default: '5',
    meaning: 'MQTT that Muster speaks with that broker: 5 or 3.1.1; things are free to choose',
    schema: z.enum(['5', '3.1.1'], 'must be 5 or 3.1.1'),
  },
  mqttSessions: {
    env: 'MUSTER_MQTT_SESSIONS',
    flag: '--mqtt-sessions <number>',
    default: '8',
    meaning: 'requests that all bridges together serve at a time at that broker; the same for each bridge',
    schema: mqttSessions,
  },
  mqttSharing: {
    env: 'MUSTER_MQTT_SHARING',
    flag: '--mqtt-sharing <way>',
    default: 'auto',
    meaning: 'how bridges divide requests: shared (by the broker), split (by thing), or auto to find out',
    schema: z.enum(['auto', 'shared', 'split'], 'must be auto, shared or split'),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    flag: '--log-level <level>',
    default: 'info',
    meaning: 'what goes to the log on stderr: trace, debug, info, warn, error, fatal or silent',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    }),
  },
} as const satisfies Record<string, ConfigOption>;

type Options = typeof CONFIG_OPTIONS;
export type ConfigKey = keyof Options;
type Value<K extends ConfigKey> = z.output<Options[K]['schema']>;

/** A checked configuration: what has no default may be undefined. */
export type Config = {
  readonly [K in ConfigKey]: Options[K] extends { default: string } ? Value<K> : Value<K> | undefined;
};

/** Flag values as commander hands them over. */
export type ConfigFlags = { readonly [K in ConfigKey]?: string };

/**
 * Reads the configuration: flags over environment over defaults.
 * @throws ConfigError naming the first bad option, its value and the remedy.
 */
export function loadConfig(env: NodeJS.ProcessEnv, flags: ConfigFlags = {}): Config {
  const entries = Object.entries(CONFIG_OPTIONS).map(([key, option]) => [
    key,
    readOption(option, env[option.env], flags[key as ConfigKey]),
  ]);
  return Object.fromEntries(entries) as Config;
}

function readOption(
  option: ConfigOption,
  fromEnv: string | undefined,
  fromFlag: string | undefined,
): unknown {
  const given = fromFlag ?? (fromEnv || undefined);
  const text = given ?? option.default;
  if (text === undefined) return undefined;
  const result = option.schema.safeParse(text);
  if (result.success) return result.data;
  const name = fromFlag === undefined ? option.env : option.flag.split(' ')[0];
  const value = option.secret ? '' : ` "${text}"`;
  throw new ConfigError(`${name}${value} ${result.error.issues[0]?.message}.`);
}

/** Gives `command` the flags and the help of every option but those in `except`. */
export function addConfigOptions(command: Command, except: readonly ConfigKey[] = []): Command {
  for (const [key, option] of Object.entries<ConfigOption>(CONFIG_OPTIONS)) {
    if (except.includes(key as ConfigKey)) continue;
    const fallback = option.default === undefined ? '' : `, default ${option.default}`;
    command.option(option.flag, `${option.meaning} (${option.env}${fallback})`);
  }
  return command;
}
