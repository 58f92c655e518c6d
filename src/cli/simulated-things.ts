import type { DeviceCredentials } from '../simulator/device';
import { ApiRefusal, type MusterClient } from './client';
import { keepCredentials, readCredentials } from './credentials';
import { Failure } from './failures';
import { credentialsOf, registerAll, renew } from './things';

/** The things that simulated devices stand for. */
export interface SimulatedThings {
  names: string[];
  /** Their type; created where it is missing. */
  thingTypeName: string;
  /** Where their credentials are kept, so that the next run can use them again. */
  credentialsFile: string;
}

/**
 * Registers those things that are not registered yet.
 * @returns their MQTT credentials by name: new ones, or those kept from an earlier run.
 */
export async function registerSimulated(
  client: MusterClient,
  { names, thingTypeName, credentialsFile }: SimulatedThings,
): Promise<Record<string, DeviceCredentials>> {
  await createType(client, thingTypeName);
  const { created, refused } = await registerAll(
    client,
    names.map((name) => ({ name, thingTypeName })),
  );
  keepCredentials(credentialsFile, credentialsOf(created));
  const fault = refused.find(({ code }) => code !== 'AlreadyExists');
  if (fault) throw new Failure(`Thing ${fault.name} was refused: ${fault.detail} (${fault.code})`);
  return withRenewed(client, names, credentialsFile);
}

async function createType(client: MusterClient, name: string): Promise<void> {
  try {
    await client.post('/thing-types', { name, description: 'Simulated devices' });
  } catch (error) {
    if (!(error instanceof ApiRefusal && error.status === 409)) throw error;
  }
}

/** Things registered by somebody else, or whose credentials were lost, get new ones. */
async function withRenewed(
  client: MusterClient,
  names: string[],
  credentialsFile: string,
): Promise<Record<string, DeviceCredentials>> {
  const credentials = readCredentials(credentialsFile);
  for (const name of names) {
    if (credentials[name]) continue;
    credentials[name] = (await renew(client, name)).mqttCredentials;
    keepCredentials(credentialsFile, { [name]: credentials[name] });
  }
  return credentials;
}

/** `sim-001`, `sim-002`, …: as many digits as the largest number needs, and at least three. */
export function simulatedNames(prefix: string, count: number): string[] {
  const digits = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, index) => prefix + String(index + 1).padStart(digits, '0'));
}
