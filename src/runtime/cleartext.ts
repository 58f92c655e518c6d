/** What crosses a network without TLS, as a process is configured. */
import { BlockList, isIP } from 'node:net';
import { CONFIG_OPTIONS, type Config } from './config';
import { needsBroker } from './roles';
import { temporalTarget } from './temporal-target';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether nobody but this machine hears what goes to an address. A name other than localhost is taken to be elsewhere. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  if (version === 0) return /^(.+\.)?localhost\.?$/i.test(address);
  return LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** A sentence with the remedy for each connection of this process that can be listened in on; no secret is in it. */
export function cleartextWarnings(config: Config): string[] {
  return [httpWarning(config), mqttWarning(config), temporalWarning(config), databaseWarning(config)].filter(
    (warning) => warning !== undefined,
  );
}

/** Health and metrics, which a process without the role `api` serves, hold no secrets. */
function httpWarning({ roles, httpHost: host }: Config): string | undefined {
  if (!roles.includes('api') || isLoopback(host)) return undefined;
  return `HTTP listens on ${host} (MUSTER_HTTP_HOST) without TLS: API keys, sessions and passwords of things cross the network in the clear. Put a proxy that terminates TLS before it on 127.0.0.1, or let nobody but that proxy reach it.`;
}

function mqttWarning(config: Config): string | undefined {
  if (!needsBroker(config)) return undefined;
  const { mqttHost: host, mqttUrl: broker } = config;
  if (!broker) {
    if (isLoopback(host)) return undefined;
    return `The MQTT broker listens on ${host} (MUSTER_MQTT_HOST) without TLS: passwords of things and jobs cross the network in the clear. Put a proxy that terminates TLS before it on 127.0.0.1, or let nobody but that proxy reach it.`;
  }
  const { protocol, hostname } = new URL(broker.url);
  if (/^(mqtts|wss):$/.test(protocol) || isLoopback(hostname)) return undefined;
  return `MQTT_URL goes to ${hostname} without TLS: Muster's password and all jobs cross the network in the clear. Choose ${protocol === 'ws:' ? 'wss' : 'mqtts'}:// (MUSTER_MQTT_CA), or keep that network private.`;
}

function temporalWarning(config: Config): string | undefined {
  const target = temporalTarget(config);
  if (!target || target.tls) return undefined;
  const host = target.address.replace(/:\d+$/, '');
  if (isLoopback(host)) return undefined;
  const { env } = CONFIG_OPTIONS.temporalTls;
  return `TEMPORAL_ADDRESS goes to ${host} without TLS: ${target.apiKey ? 'the API key and ' : ''}jobs cross the network in the clear. Set ${env}=true, or keep that network private.`;
}

function databaseWarning({ databaseUrl }: Config): string | undefined {
  if (databaseUrl === undefined) return undefined;
  const { hostname, searchParams } = new URL(databaseUrl);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  // A path is a socket of this machine.
  if (host.startsWith('/') || isLoopback(host)) return undefined;
  if ((searchParams.get('sslmode') ?? 'disable') !== 'disable') return undefined;
  return `DATABASE_URL goes to ${host} without TLS: everything in the store crosses the network in the clear. Add ?sslmode=verify-full, or keep that network private.`;
}
