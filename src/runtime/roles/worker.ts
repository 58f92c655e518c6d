/** The role `worker`: runs workflows and their activities; answers and notifications go out by it. */
import { createActivities } from '../../../activities';
import { createNotifier } from '../../devices/notifier';
import type { Broker } from '../../mqtt/broker';
import type { Parts } from '../parts';
import { startWorker, type RunningWorker } from '../worker';

export async function startWorkerRole(parts: Parts, broker: Broker): Promise<RunningWorker> {
  const { config, db, temporal, client, taskQueue, codec, devices, metrics, shutdown, checks } = parts;
  const notifier = createNotifier({
    ...{ db, publisher: broker, prefixes: config.topicPrefixes },
    // The embedded broker's is the only process.
    amongOthers: config.mqttUrl !== undefined,
  });
  const worker = await startWorker({
    target: temporal.target,
    namespace: config.temporalNamespace,
    taskQueue,
    codec,
    tuning: config,
    activities: createActivities({ db, client, publisher: broker, notifier, devices, metrics }),
  });
  shutdown.add('worker', 4_500, () => worker.stop());
  checks.worker = () => worker.isRunning();
  return worker;
}
