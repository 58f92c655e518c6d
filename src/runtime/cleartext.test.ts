import { cleartextWarnings, isLoopback } from './cleartext';
import { loadConfig } from './config';

const warnings = (env: NodeJS.ProcessEnv) => cleartextWarnings(loadConfig(env));

it.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['[::1]', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['LocalHost.', true],
  ['muster.localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['notlocalhost', false],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
])('%s is loopback: %p', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

it.each<[string, NodeJS.ProcessEnv]>([
  ['nothing is set', {}],
  [
    'everything is on this machine',
    {
      MUSTER_HTTP_HOST: 'localhost',
      MUSTER_MQTT_HOST: '::1',
      TEMPORAL_ADDRESS: '[::1]:7233',
      DATABASE_URL: 'postgres://muster:pw@127.0.0.1/muster',
      MQTT_URL: 'mqtt://u:p@localhost',
    },
  ],
  [
    'everything goes by TLS',
    {
      TEMPORAL_ADDRESS: 'temporal.example.com:7233',
      TEMPORAL_TLS: 'true',
      DATABASE_URL: 'postgres://muster:pw@db.example.com/muster?sslmode=verify-full',
      MQTT_URL: 'mqtts://u:p@broker.example.com',
    },
  ],
  ['the database is a socket', { DATABASE_URL: 'postgres:///muster?host=/var/run/postgresql' }],
  [
    'the broker that would listen is another one',
    { MUSTER_MQTT_HOST: '0.0.0.0', MQTT_URL: 'wss://u:p@b.example.com' },
  ],
  [
    'the process serves health alone',
    {
      MUSTER_ROLES: 'worker',
      MUSTER_HTTP_HOST: '0.0.0.0',
      MQTT_URL: 'mqtts://b.example.com',
    },
  ],
  ['the process knows no broker', { MUSTER_ROLES: 'api', MQTT_URL: 'mqtt://b.example.com' }],
])('nothing is said where %s', (_where, env) => {
  expect(warnings(env)).toEqual([]);
});

it.each<[string, NodeJS.ProcessEnv, RegExp]>([
  ['MUSTER_HTTP_HOST', { MUSTER_HTTP_HOST: '0.0.0.0' }, /^HTTP listens on 0\.0\.0\.0 .*proxy/],
  ['MUSTER_MQTT_HOST', { MUSTER_MQTT_HOST: '::' }, /^The MQTT broker listens on :: .*proxy/],
  ['MQTT_URL', { MQTT_URL: 'mqtt://user:pa55word@b.example.com' }, /to b\.example\.com .*mqtts:\/\//],
  ['MQTT_URL by WebSocket', { MQTT_URL: 'ws://user:pa55word@b.example.com' }, /wss:\/\//],
  ['TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: 't.example.com:7233' }, /to t\.example\.com .*TEMPORAL_TLS=true/],
  [
    'TEMPORAL_API_KEY',
    { TEMPORAL_ADDRESS: 't.example.com:7233', TEMPORAL_API_KEY: 'pa55word', TEMPORAL_TLS: 'false' },
    /the API key and jobs/,
  ],
  [
    'DATABASE_URL',
    { DATABASE_URL: 'postgres://m:pa55word@db.example.com/m' },
    /to db\.example\.com .*sslmode=verify-full/,
  ],
  [
    'DATABASE_URL that turns TLS off',
    { DATABASE_URL: 'postgres://m:pa55word@db.example.com/m?sslmode=disable' },
    /to db\.example\.com/,
  ],
])('%s beyond this machine without TLS is told with the remedy, and no secret', (_what, env, sentence) => {
  expect(warnings(env)).toEqual([expect.stringMatching(sentence)]);
  expect(warnings(env).join()).not.toContain('pa55word');
});
