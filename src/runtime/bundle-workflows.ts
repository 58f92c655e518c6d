import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { version as sdkVersion } from '@temporalio/worker/package.json';
import { DIST } from './dist';

/** The workflow code that the worker loads, made by the build. */
export const WORKFLOW_BUNDLE = path.join(DIST, 'workflow-bundle.js');

/** Every directory that workflow code may import from; the lint rules keep it so. */
const INPUTS = ['workflows', 'src/domain'].map((directory) => path.join(DIST, directory));
const STAMP = path.join(DIST, '.workflow-bundle.sha256');

/** Bundles the compiled workflows, unless the bundle is made from the same inputs already. */
async function bundleWorkflows(): Promise<void> {
  const hash = hashInputs();
  const isFresh =
    fs.existsSync(WORKFLOW_BUNDLE) && fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === hash;
  if (isFresh) return;
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(DIST, 'workflows/index.js'),
    logger: new DefaultLogger('WARN'),
  });
  fs.writeFileSync(WORKFLOW_BUNDLE, code);
  fs.writeFileSync(STAMP, hash);
}

function hashInputs(): string {
  const hash = createHash('sha256').update(sdkVersion);
  for (const directory of INPUTS) {
    const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files.filter((name) => name.endsWith('.js')))
      hash.update(file).update(fs.readFileSync(path.join(directory, file)));
  }
  return hash.digest('hex');
}

if (require.main === module) void bundleWorkflows();
