/**
 * Runs first in the thread in which the SDK executes workflow code (see workflow-threads.ts), and takes away two things that
 * each cost an eighth of the worker's CPU (docs/scaling.md):
 * - its watchdog, a system thread started and ended at each of some 20 entries of workflow code for an execution. The
 *   beat below does for the whole thread what it does for an entry.
 * - the stack that it keeps of every promise, for the call stack in the Temporal UI. The current details there say more.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { workerData } from 'node:worker_threads';
import { BEAT_EVERY_MS } from './workflow-threads';

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
const { runInContext } = vm.Script.prototype;
vm.Script.prototype.runInContext = function (this: vm.Script, context, { timeout: _, ...options } = {}) {
  return runInContext.call(this, context, options) as unknown;
};

// Node follows promises by the same function, and workflow code loses its cancellation scopes where it can't: its hook
// looks at what runs before and after, the SDK's does not.
const { createHook } = v8.promiseHooks;
v8.promiseHooks.createHook = (hooks) => ('before' in hooks ? createHook(hooks) : () => undefined);

const { beats } = workerData as { beats: Int32Array };
setInterval(() => Atomics.add(beats, 0, 1), BEAT_EVERY_MS).unref();
