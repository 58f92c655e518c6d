/** Executions are open for months: new workflow code must go on where that of any release before stood. */
import fs from 'node:fs';
import path from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import * as workflows from '../workflows';
import { WORKFLOW_BUNDLE } from './support/engine';

const DIRECTORY = path.join(__dirname, 'histories');

const recorded = fs
  .readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .sort();

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});

async function replay(history: unknown): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: { codePath: WORKFLOW_BUNDLE } }, history);
}

function read(file: string): {
  events: { workflowExecutionStartedEventAttributes?: { workflowType: { name: string } } }[];
} {
  return JSON.parse(fs.readFileSync(path.join(DIRECTORY, file), 'utf8')) as ReturnType<typeof read>;
}

it.each(recorded)('replays %s', async (file) => {
  await replay(read(file));
});

it('has a history of every workflow', () => {
  const types = recorded.map(
    (file) => read(file).events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name,
  );
  expect(new Set(types)).toEqual(new Set(Object.keys(workflows)));
});

it('refuses a history that the code does not follow', async () => {
  const history = read(recorded.find((file) => file.endsWith('job-one-batch.json'))!);
  const other = JSON.stringify(history).replaceAll('"queueExecutions"', '"anotherActivity"');
  await expect(replay(JSON.parse(other))).rejects.toThrow(/[Dd]eterminism/);
});
