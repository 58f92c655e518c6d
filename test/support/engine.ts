/** The engine without its doors: workflows, activities and store on a given Temporal, with the messages to devices kept. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createActivities } from '../../activities';
import { createDeviceService } from '../../src/devices/create-device-service';
import { createNotifier } from '../../src/devices/notifier';
import { openStore, type Db, type StoreLocation } from '../../src/store/database';
import { registerThings } from '../../src/store/things';

/** Each test has a Temporal of its own. */
export const TASK_QUEUE = 'muster';

/** Made by `npm run build`. */
export const WORKFLOW_BUNDLE = path.resolve('dist/workflow-bundle.js');

export interface PublishedMessage {
  topic: string;
  body: Record<string, unknown>;
}

export interface Engine {
  db: Db;
  client: TestWorkflowEnvironment['client'];
  published: PublishedMessage[];
  devices: ReturnType<typeof createDeviceService>;
  /** One worker runs from the start; a test may take it away and bring another. */
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  close(): Promise<void>;
}

type Activities = ReturnType<typeof createActivities>;

/**
 * @param around what a test puts before or behind activities
 * @param location of the store; a file of its own where left out
 */
export async function startEngine(
  { client, nativeConnection }: TestWorkflowEnvironment,
  around: (activities: Activities) => Partial<Activities> = () => ({}),
  location?: StoreLocation,
): Promise<Engine> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-engine-'));
  const db = await openStore(location ?? { file: path.join(directory, 'muster.db') });
  const published: PublishedMessage[] = [];
  const publisher = {
    publish: (topic: string, json: string) => {
      published.push({ topic, body: JSON.parse(json) as Record<string, unknown> });
      return Promise.resolve();
    },
  };
  const notifier = createNotifier({ db, publisher, prefixes: ['$emqx/things'], amongOthers: false });
  const devices = createDeviceService({ db, client, taskQueue: TASK_QUEUE });
  const metrics = { transition: () => {}, reportAccepted: () => {} };
  const activities = createActivities({ db, client, publisher, notifier, devices, metrics });
  let worker: Worker;
  let running: Promise<void>;

  async function startWorker(): Promise<void> {
    worker = await Worker.create({
      connection: nativeConnection,
      taskQueue: TASK_QUEUE,
      workflowBundle: { codePath: WORKFLOW_BUNDLE },
      activities: { ...activities, ...around(activities) },
    });
    running = worker.run();
  }

  async function stopWorker(): Promise<void> {
    worker.shutdown();
    await running;
  }

  await startWorker();
  return {
    db,
    client,
    published,
    devices,
    startWorker,
    stopWorker,
    async close() {
      await stopWorker();
      await db.destroy();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function register(db: Db, names: string[]): Promise<void> {
  const things = names.map((name) => ({ name, tags: [], attributes: {} }));
  await registerThings(db, things, Date.now());
}
