/**
 * Runs first in the thread in which the SDK executes workflow code (see workflow-threads.ts), and takes away its watchdog: a
 * system thread started and ended at each of some 20 entries of workflow code for an execution, an eighth of the
 * worker's CPU (docs/scaling.md). The beat below does for the whole thread what it does for an entry.
 */
import vm from 'node:vm';
import { workerData } from 'node:worker_threads';
import { BEAT_EVERY_MS } from './workflow-threads';

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
const { runInContext } = vm.Script.prototype;
vm.Script.prototype.runInContext = function (this: vm.Script, context, { timeout: _, ...options } = {}) {
  return runInContext.call(this, context, options) as unknown;
};

const { beats } = workerData as { beats: Int32Array };
setInterval(() => Atomics.add(beats, 0, 1), BEAT_EVERY_MS).unref();
