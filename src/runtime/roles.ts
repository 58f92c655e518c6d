/** What the processes of one Muster can each do, and what they need for it. */
import { ConfigError, ROLES, type Config, type Role } from './config';

const hasAllRoles = ({ roles }: Pick<Config, 'roles'>) => ROLES.every((role) => roles.includes(role));

/** Answers and notifications go out by the worker, requests come in by the bridge; the API knows no broker. */
export const needsBroker = ({ roles }: Pick<Config, 'roles'>) =>
  roles.includes('worker') || roles.includes('bridge');

/** A directory is needed for whatever is kept by this process itself. */
export const needsDataDir = (config: Config) =>
  !config.temporalAddress || !config.databaseUrl || (needsBroker(config) && !config.mqttUrl);

/**
 * Refuses roles that can't work as they are: the embedded parts live in one process, and what other processes do
 * there would never be seen here.
 * @throws ConfigError naming the role and the remedy
 */
export function checkRoles(config: Config): void {
  if (hasAllRoles(config)) return;
  const { roles } = config;
  const missing = ROLES.filter((role) => !roles.includes(role));
  const partly = `MUSTER_ROLES "${roles.join(',')}" leaves ${list(missing)} to other processes`;
  const remedy = `set it, or run all roles (${ROLES.join(',')}) in one process.`;
  if (!config.databaseUrl)
    throw new ConfigError(`${partly}, and they all need one database, DATABASE_URL: ${remedy}`);
  if (needsBroker(config) && !config.mqttUrl)
    throw new ConfigError(`${partly}, and they all need one MQTT broker, MQTT_URL: ${remedy}`);
}

function list(roles: readonly Role[]): string {
  return roles.join(' and ');
}
