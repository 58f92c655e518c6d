/** Workflow code stays light: what each cached workflow costs in memory depends on it. */
import fs from 'node:fs';
import { WORKFLOW_BUNDLE } from './support/engine';

/** Without its source map, which the worker keeps once and not per workflow. */
function code(): string {
  return fs.readFileSync(WORKFLOW_BUNDLE, 'utf8').replace(/\/\/# sourceMappingURL=.*/s, '');
}

it('holds no zod and nothing else that belongs to the edges', () => {
  const modules = [...code().matchAll(/^\/\*\*\*\/ "([^"]+)"/gm)].map(([, name]) => name ?? '');
  expect(modules.length).toBeGreaterThan(20);
  const foreign = modules.filter((name) =>
    /zod|kysely|sqlite|pino|express|mqtt|src\/(contract|store|api|devices)/.test(name),
  );
  expect(foreign).toEqual([]);
});

it('stays below a size at which thousands of workflows fit into memory', () => {
  expect(code().length).toBeLessThan(700_000);
});
