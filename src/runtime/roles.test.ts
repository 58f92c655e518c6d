import { ConfigError, loadConfig, type Config } from './config';
import { checkRoles, needsDataDir } from './roles';

const DATABASE = { databaseUrl: 'postgres://127.0.0.1/muster' };
const BROKER = { mqttUrl: 'mqtts://broker.example.com' };
const TEMPORAL = { temporalAddress: 'temporal.example.com:7233' };
const config = (roles: string, external: object): Config => ({ ...loadConfig({}, { roles }), ...external });

test.each([
  ['api,worker,bridge', {}],
  ['bridge,api,worker', DATABASE],
  ['api,worker,bridge', BROKER],
  ['api', DATABASE],
  ['worker', { ...DATABASE, ...BROKER }],
  ['api,bridge', { ...DATABASE, ...BROKER }],
])('roles %s with %j can work', (roles, external) => {
  expect(() => checkRoles(config(roles, external))).not.toThrow();
});

test.each([
  ['api', {}, 'MUSTER_ROLES "api" leaves worker and bridge to other processes', 'DATABASE_URL'],
  ['api', BROKER, 'leaves worker and bridge', 'DATABASE_URL'],
  ['worker,bridge', DATABASE, 'leaves api to other processes', 'MQTT_URL'],
  ['bridge', DATABASE, 'leaves api and worker', 'MQTT_URL'],
])('roles %s with %j are refused, and it is said why', (roles, external, why, remedy) => {
  const check = () => checkRoles(config(roles, external));
  expect(check).toThrow(ConfigError);
  expect(check).toThrow(why);
  expect(check).toThrow(remedy);
});

test.each([
  ['api,worker,bridge', { ...DATABASE, ...BROKER, ...TEMPORAL }, false],
  ['api', { ...DATABASE, ...TEMPORAL }, false],
  ['api,worker,bridge', { ...DATABASE, ...BROKER }, true],
  ['api,worker,bridge', { ...BROKER, ...TEMPORAL }, true],
  ['api,worker,bridge', { ...DATABASE, ...TEMPORAL }, true],
])('roles %s with %j: keeps something itself: %s', (roles, external, keeps) => {
  expect(needsDataDir(config(roles, external))).toBe(keeps);
});
