import { once } from 'node:events';
import threads from 'node:worker_threads';
import { withWorkflowThreads } from './workflow-threads';

/** Does what it is told, as the SDK's thread does. */
const THREAD = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', async (code) => parentPort.postMessage(await eval(code)));
`;

const start = (stuckAfterMs?: number) =>
  withWorkflowThreads(() => Promise.resolve(new threads.Worker(THREAD, { eval: true })), stuckAfterMs);

async function ask(thread: threads.Worker, code: string): Promise<unknown> {
  thread.postMessage(code);
  return ((await once(thread, 'message')) as unknown[])[0];
}

test('a thread that does not come back is noticed', async () => {
  const { made: thread, stuck } = await start(2_000);
  await expect(ask(thread, '1 + 1')).resolves.toBe(2);
  thread.postMessage('for (;;);');
  await expect(stuck).rejects.toThrow('Workflow code has not come back for 2 s.');
  await thread.terminate();
});

test('scripts run as they would, without a watchdog', async () => {
  const { made: thread, stopWatching } = await start();
  const script = "require('vm').runInNewContext('6 * 7', {}, { timeout: 1000, displayErrors: true })";
  await expect(ask(thread, script)).resolves.toBe(42);
  await expect(
    ask(thread, "new (require('vm').Script)('x').runInContext(require('vm').createContext({ x: 1 }))"),
  ).resolves.toBe(1);
  stopWatching();
  await thread.terminate();
});

test('code keeps its async context, and stacks of its promises are not kept', async () => {
  const { made: thread, stopWatching } = await start();
  const hooked = `
    globalThis.looked = 0;
    require('v8').promiseHooks.createHook({ init() { looked++; }, settled() {} });
    const { AsyncLocalStorage } = require('async_hooks');
    const context = require('vm').createContext({ scope: new AsyncLocalStorage() });
    require('vm').runInContext(
      "scope.run('mine', async () => { await undefined; await undefined; return scope.getStore(); })", context);`;
  await expect(ask(thread, hooked)).resolves.toBe('mine');
  await expect(ask(thread, 'looked')).resolves.toBe(0);
  stopWatching();
  await thread.terminate();
});

test('other threads are left alone', async () => {
  const { stopWatching, made } = await withWorkflowThreads(() => Promise.resolve());
  stopWatching();
  expect(made).toBeUndefined();
  const thread = new threads.Worker(THREAD, { eval: true });
  await expect(ask(thread, "require('worker_threads').workerData ?? {}")).resolves.not.toHaveProperty(
    'beats',
  );
  await thread.terminate();
});
