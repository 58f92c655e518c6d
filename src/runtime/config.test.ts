import path from 'node:path';
import { Command } from 'commander';
import { addConfigOptions, ConfigError, loadConfig, type ConfigFlags } from './config';

test('without anything set, the defaults hold', () => {
  expect(loadConfig({})).toEqual({
    roles: ['api', 'worker', 'bridge'],
    httpHost: '127.0.0.1',
    httpPort: 8080,
    trustProxy: 0,
    mqttHost: '127.0.0.1',
    mqttPort: 1883,
    temporalPort: 7233,
    temporalUiPort: 8233,
    dataDir: path.resolve('.muster'),
    durability: 'process',
    apiKey: undefined,
    topicPrefixes: ['$emqx/things'],
    temporalAddress: undefined,
    temporalNamespace: 'default',
    temporalApiKey: undefined,
    temporalTls: undefined,
    temporalTlsServerCaCertPath: undefined,
    temporalTlsClientCertPath: undefined,
    temporalTlsClientKeyPath: undefined,
    temporalTlsServerName: undefined,
    temporalUiUrl: undefined,
    payloadKey: undefined,
    payloadKeyFile: undefined,
    workerCachedWorkflows: 2000,
    workerWorkflowTasks: 100,
    workerActivities: 100,
    workerLocalActivities: 200,
    workerWorkflowPollers: 50,
    workerActivityPollers: 20,
    databaseUrl: undefined,
    databasePoolSize: 10,
    retentionDays: undefined,
    mqttUrl: undefined,
    mqttCa: undefined,
    mqttCert: undefined,
    mqttKey: undefined,
    mqttVersion: '5',
    mqttSessions: 8,
    mqttSharing: 'auto',
    logLevel: 'info',
  });
});

test('a flag overrides its environment variable', () => {
  expect(loadConfig({ MUSTER_HTTP_PORT: '1' }, { httpPort: '2' }).httpPort).toBe(2);
});

test('an empty environment variable counts as not set', () => {
  expect(loadConfig({ MUSTER_HTTP_PORT: '', DATABASE_URL: '' }).httpPort).toBe(8080);
});

test('good values are read', () => {
  const config = loadConfig({
    MUSTER_ROLES: 'worker, api,worker',
    MUSTER_HTTP_HOST: '::',
    MUSTER_HTTP_PORT: '0',
    MUSTER_MQTT_PORT: '65535',
    MUSTER_API_KEY: 'ops.team_1-a:se:cret-with-colon',
    MUSTER_TOPIC_PREFIXES: '$emqx/things, $aws/things,fleet/things,fleet/thingsandmore',
    TEMPORAL_ADDRESS: 'temporal.example.com:7233',
    LOG_LEVEL: 'silent',
  });
  expect(config).toMatchObject({
    roles: ['worker', 'api'],
    httpHost: '::',
    httpPort: 0,
    mqttPort: 65535,
    apiKey: { key: 'ops.team_1-a', secret: 'se:cret-with-colon' },
    topicPrefixes: ['$emqx/things', '$aws/things', 'fleet/things', 'fleet/thingsandmore'],
    temporalAddress: 'temporal.example.com:7233',
    logLevel: 'silent',
  });
});

const refused = (env: NodeJS.ProcessEnv, flags?: ConfigFlags): string => {
  try {
    loadConfig(env, flags);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('accepted');
};

test.each([
  ['MUSTER_ROLES', 'api,cook'],
  ['MUSTER_ROLES', 'api,'],
  ['MUSTER_HTTP_HOST', 'http://0.0.0.0'],
  ['MUSTER_HTTP_PORT', 'http'],
  ['MUSTER_HTTP_PORT', '-1'],
  ['MUSTER_MQTT_PORT', '65536'],
  ['MUSTER_TEMPORAL_PORT', '1.5'],
  ['MUSTER_TEMPORAL_UI_PORT', '0x10'],
  ['MUSTER_TOPIC_PREFIXES', ','],
  ['MUSTER_TOPIC_PREFIXES', 'a,'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet/+'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet/#'],
  ['MUSTER_TOPIC_PREFIXES', '/fleet'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet/'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet//things'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet things'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet,fleet'],
  ['MUSTER_TOPIC_PREFIXES', 'fleet/things,fleet'],
  ['MUSTER_TOPIC_PREFIXES', '$share/group/things'],
  ['TEMPORAL_ADDRESS', 'localhost'],
  ['TEMPORAL_ADDRESS', 'http://localhost:7233'],
  ['TEMPORAL_NAMESPACE', 'a b'],
  ['MUSTER_MQTT_VERSION', '4'],
  ['MUSTER_MQTT_SESSIONS', '0'],
  ['MUSTER_MQTT_SESSIONS', '65'],
  ['MUSTER_MQTT_SHARING', 'yes'],
  ['TEMPORAL_TLS', 'yes'],
  ['MUSTER_DURABILITY', 'full'],
  ['MUSTER_DURABILITY', 'Process'],
  ['TEMPORAL_TLS_SERVER_NAME', 'a b'],
  ['MUSTER_TEMPORAL_UI_URL', 'temporal.example.com'],
  ['MUSTER_WORKER_CACHED_WORKFLOWS', '9'],
  ['MUSTER_WORKER_WORKFLOW_POLLERS', '1e2'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused with the name, the value and the rule', (name, value) => {
  const message = refused({ [name]: value });
  expect(message).toContain(`${name} "${value}" `);
  expect(message).toMatch(/\.$/);
});

test('a bad flag is named as the flag', () => {
  expect(refused({}, { httpPort: 'x' })).toContain('--http-port "x" must be a whole number');
  expect(refused({}, { topicPrefixes: '' })).toContain('--topic-prefixes');
});

test.each(['key', 'key:', 'a b:longenough', `${'k'.repeat(129)}:longenough`, ':longenough'])(
  'MUSTER_API_KEY=%s is refused without repeating it',
  (value) => {
    const message = refused({ MUSTER_API_KEY: value });
    expect(message).toContain('MUSTER_API_KEY must be key:secret');
    expect(message).not.toContain(`"${value}"`);
  },
);

test.each([
  ['hush', 'must be a URL'],
  ['mysql://user:hush@host/db', 'must begin with postgres://, not mysql://'],
  ['postgres:///db?password=hush', 'must name a host'],
  ['postgres://user:hush@host', 'must name a database'],
  ['postgres://user:hush@host/db?sslmode=prefer', 'choose disable, require, verify-ca, verify-full'],
])('DATABASE_URL %s is refused without being repeated', (url, fault) => {
  const message = refused({ DATABASE_URL: url });
  expect(message).toContain('DATABASE_URL ');
  expect(message).toContain(fault);
  expect(message).not.toContain('hush');
});

test.each([
  'postgres://u:p@host:5432/db',
  'postgresql://host/db?sslmode=require',
  'postgres://u@%2Frun%2Fpg/db',
])('DATABASE_URL %s is taken', (url) => expect(loadConfig({ DATABASE_URL: url }).databaseUrl).toBe(url));

test('MQTT_URL is taken apart into what may be shown and what not', () => {
  expect(loadConfig({ MQTT_URL: 'wss://muster:p%40ss@broker.example.com:8084/mqtt' }).mqttUrl).toEqual({
    url: 'wss://broker.example.com:8084/mqtt',
    username: 'muster',
    password: 'p@ss',
  });
});

test.each(['broker:1883', 'http://user:hush@broker', 'mqtt://'])('MQTT_URL=%s is refused', (value) => {
  const message = refused({ MQTT_URL: value });
  expect(message).toContain('MQTT_URL must be mqtt://');
  expect(message).not.toContain('hush');
});

test('a PEM file that is not there is named', () => {
  expect(refused({ MUSTER_MQTT_CA: '/nowhere/ca.pem' })).toContain(
    'MUSTER_MQTT_CA "/nowhere/ca.pem" can\'t be read (ENOENT); name a PEM file.',
  );
});

test('help lists every option with its environment variable and default', () => {
  const help = addConfigOptions(new Command('up'), ['mqttUrl']).helpInformation().replace(/\s+/g, ' ');
  expect(help).toContain('--http-port <port>');
  expect(help).toContain('(MUSTER_HTTP_PORT, default 8080)');
  expect(help).not.toContain('--mqtt-url');
});

test('what commander reads is what the configuration takes', () => {
  const command = addConfigOptions(new Command('up')).parse(['--temporal-ui-port', '9', '--data-dir', '/x'], {
    from: 'user',
  });
  expect(loadConfig({}, command.opts<ConfigFlags>())).toMatchObject({ temporalUiPort: 9, dataDir: '/x' });
});
