import { Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { temporalLogger } from './logs';
import { freePorts, HOST } from './ports';

let installed: { runtime: Runtime; metricsUrl: string } | undefined;

/**
 * Installs what Temporal's workers of this process share. The SDK takes it down by itself when the last worker and
 * connection are closed, so there is nothing to stop.
 * @returns URL of the workers' own metrics in Prometheus text.
 */
export async function installTemporalRuntime(logger: Logger): Promise<string> {
  const [port] = await freePorts(1);
  if (installed && installed.runtime === Runtime._instance) return installed.metricsUrl;
  const bindAddress = `${HOST}:${port}`;
  const runtime = Runtime.install({
    logger: temporalLogger(logger),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      metrics: { prometheus: { bindAddress, countersTotalSuffix: true, useSecondsForDurations: true } },
    },
    // Muster stops its parts itself, in order.
    shutdownSignals: [],
  });
  installed = { runtime, metricsUrl: `http://${bindAddress}/metrics` };
  return installed.metricsUrl;
}
