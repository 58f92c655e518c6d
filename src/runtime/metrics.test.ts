import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetrics } from './metrics';

const countStatuses = () =>
  Promise.resolve({ jobs: { IN_PROGRESS: 2 }, executions: { QUEUED: 5, SUCCEEDED: 7 } });
const checkReady = () =>
  Promise.resolve({ ready: false, checks: { store: 'ok' as const, broker: 'failed' as const } });

test("Muster's numbers come with those of the worker", async () => {
  const worker = createServer((_, response) => response.end('temporal_requests_total 3\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(worker, 'listening');
  const { port } = worker.address() as AddressInfo;
  const metrics = createMetrics({
    countStatuses,
    checkReady,
    workerMetricsUrl: `http://127.0.0.1:${port}/metrics`,
  });
  metrics.transition('SUCCEEDED');
  metrics.transition('QUEUED', 200);
  metrics.bridgeMessage('get', 'accepted');
  metrics.reportAccepted(0.02);
  const lines = (await metrics.render()).split('\n');
  worker.close();
  expect(lines).toEqual(
    expect.arrayContaining([
      'muster_ready{part="store"} 1',
      'muster_ready{part="broker"} 0',
      'muster_jobs{status="IN_PROGRESS"} 2',
      'muster_executions{status="QUEUED"} 5',
      'muster_executions{status="SUCCEEDED"} 7',
      'muster_transitions_total{to="SUCCEEDED"} 1',
      'muster_transitions_total{to="QUEUED"} 200',
      'muster_bridge_messages_total{kind="get",answer="accepted"} 1',
      'muster_report_accepted_seconds_bucket{le="0.025"} 1',
      'temporal_requests_total 3',
    ]),
  );
});

test('a worker that does not answer costs its own numbers only', async () => {
  const metrics = createMetrics({
    countStatuses,
    checkReady,
    workerMetricsUrl: 'http://127.0.0.1:1/metrics',
  });
  expect(await metrics.render()).toContain('muster_jobs{status="IN_PROGRESS"} 2');
});

test('a store that is out of reach costs its own numbers only', async () => {
  const metrics = createMetrics({ countStatuses: () => Promise.reject(new Error('away')), checkReady });
  const text = await metrics.render();
  expect(text).toContain('muster_ready{part="broker"} 0');
  expect(text).not.toContain('muster_jobs{');
});
