import { Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { temporalLogger } from './logs';
import { freePorts, HOST } from './ports';

let installed: Promise<string> | undefined;

/**
 * Installs Temporal's runtime, once for the life of the process as the SDK wants it.
 * @returns URL of the worker's own metrics in Prometheus text.
 */
export function installTemporalRuntime(logger: Logger): Promise<string> {
  installed ??= install(logger);
  return installed;
}

async function install(logger: Logger): Promise<string> {
  const [port] = await freePorts(1);
  const bindAddress = `${HOST}:${port}`;
  Runtime.install({
    logger: temporalLogger(logger),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      metrics: { prometheus: { bindAddress, countersTotalSuffix: true, useSecondsForDurations: true } },
    },
    // Muster stops its parts itself, in order.
    shutdownSignals: [],
  });
  return `http://${bindAddress}/metrics`;
}
