/**
 * Timers of hours, days and a year, on Temporal's time-skipping test server: the real workflows, activities and
 * store, and a clock that jumps to the next timer.
 */
import fs from 'node:fs';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { temporal as protos } from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { TimeoutConfig } from '../src/domain/execution';
import type { ExecutionRow } from '../src/store/schema';
import { findExecution } from '../src/store/executions';
import { jobWorkflowId, SEARCH_ATTRIBUTES, type DeviceRequest } from '../workflows/messages';
import { register, startEngine, TASK_QUEUE, type Engine } from './support/engine';
import { eventually } from './support/eventually';

const SERVER = path.join(__dirname, 'time-skipping', 'server.sh');
const HAS_SERVER = fs.existsSync(path.join(__dirname, 'time-skipping', 'lib'));
const describeWithServer = HAS_SERVER ? describe : describe.skip;
if (!HAS_SERVER)
  console.warn('Skipped: the time-skipping server is missing. Get it with: npm run get-test-server');

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describeWithServer('long timers', () => {
  let env: TestWorkflowEnvironment;
  let engine: Engine;

  beforeAll(async () => {
    env = await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: SERVER } },
    });
    const KEYWORD = protos.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
    await env.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD])),
    });
    engine = await startEngine(env);
  });

  afterAll(async () => {
    await engine.close();
    await env.teardown();
  });

  async function startJob(timeoutConfig: TimeoutConfig): Promise<{ jobId: string; thing: string }> {
    const jobId = randomUUID();
    const thing = `thing-${jobId}`;
    await register(engine.db, [thing]);
    const request = {
      jobId,
      jobType: 'SNAPSHOT',
      targets: { thingNames: [thing], thingGroupNames: [] },
      documentJson: '{"action":"reboot"}',
      timeoutConfig,
      createdBy: 'key:test',
    };
    await env.client.workflow.start('job', {
      workflowId: jobWorkflowId(jobId),
      taskQueue: TASK_QUEUE,
      args: [{ request }],
    });
    await expectStatus(jobId, thing, 'QUEUED');
    return { jobId, thing };
  }

  function expectStatus(jobId: string, thing: string, status: string): Promise<ExecutionRow> {
    return eventually(async () => {
      const row = await findExecution(engine.db, jobId, thing);
      expect(row?.status).toBe(status);
      return row!;
    });
  }

  async function ask(thing: string, jobId: string, request: Partial<DeviceRequest>): Promise<void> {
    const full = { receivedAt: 0, topic: 'answer', ...request } as DeviceRequest;
    if (full.kind === 'start-next') await engine.devices.startNext(thing, full);
    else await engine.devices.update(thing, jobId, full);
  }

  it('waits a year for a device, and then gives it its week', async () => {
    const { jobId, thing } = await startJob({ inProgressTimeoutInMinutes: 10_080 });
    await env.sleep(365 * DAY);
    await expectStatus(jobId, thing, 'QUEUED');

    await ask(thing, jobId, { kind: 'start-next' });
    const { startedAt } = await expectStatus(jobId, thing, 'IN_PROGRESS');
    await env.sleep(7 * DAY - HOUR);
    await expectStatus(jobId, thing, 'IN_PROGRESS');
    await env.sleep(2 * HOUR);
    const { finishedAt } = await expectStatus(jobId, thing, 'TIMED_OUT');
    expect(finishedAt! - startedAt!).toBeGreaterThanOrEqual(7 * DAY);
    expect(finishedAt! - startedAt!).toBeLessThan(7 * DAY + HOUR);
  });

  it('ends what is queued for longer than the job allows', async () => {
    const { jobId, thing } = await startJob({ queuedTimeoutInMinutes: 3 * 24 * 60 });
    await env.sleep(3 * DAY - HOUR);
    await expectStatus(jobId, thing, 'QUEUED');
    await env.sleep(2 * HOUR);
    const { finishedAt, queuedAt } = await expectStatus(jobId, thing, 'TIMED_OUT');
    expect(finishedAt! - queuedAt).toBeGreaterThanOrEqual(3 * DAY);
  });

  it('counts a step timer anew with each report, within the in-progress timer', async () => {
    const { jobId, thing } = await startJob({ inProgressTimeoutInMinutes: 5 * 60 });
    await ask(thing, jobId, { kind: 'start-next', stepTimeoutInMinutes: 120 });
    const { startedAt } = await expectStatus(jobId, thing, 'IN_PROGRESS');
    for (const progress of ['20', '40', '60']) {
      await env.sleep(1.5 * HOUR);
      await ask(thing, jobId, {
        kind: 'update',
        status: 'IN_PROGRESS',
        statusDetails: { progress },
        stepTimeoutInMinutes: 120,
      });
      await eventually(async () => {
        const row = await findExecution(engine.db, jobId, thing);
        expect(row?.statusDetailsJson).toBe(JSON.stringify({ progress }));
      });
    }
    await env.sleep(HOUR);
    const { finishedAt } = await expectStatus(jobId, thing, 'TIMED_OUT');
    expect(finishedAt! - startedAt!).toBeGreaterThanOrEqual(5 * HOUR);
    expect(finishedAt! - startedAt!).toBeLessThan(5.5 * HOUR);
  });
});
