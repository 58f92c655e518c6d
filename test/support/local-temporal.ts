import path from 'node:path';
import { findOnPath } from '../../src/runtime/temporal-executable';
import { ensureSearchAttributes } from '../../src/runtime/temporal-connection';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../workflows/messages';

/** A Temporal dev server of the test's own; the executable is the one that the set-up of the tests has found. */
export async function startLocalTemporal(): Promise<TestWorkflowEnvironment> {
  const executable = findOnPath('temporal', process.env.PATH);
  if (!executable) throw new Error('There is no temporal executable on the PATH.');
  const env = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: path.resolve(executable) },
      log: { format: 'json', level: 'never' },
    },
  });
  await ensureSearchAttributes(env.connection, 'default', SEARCH_ATTRIBUTES);
  return env;
}
