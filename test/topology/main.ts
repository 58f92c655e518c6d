/**
 * `npm run topology`: starts the topology, says where everything is, and stops it again on Ctrl-C.
 * `npm run topology -- test`: runs the end-to-end tests on it instead, each file on one of its own.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { API_KEY, startTopology, type Topology } from './topology';

/** Those that ask nothing of the process that they talk to: they kill none, and configure none. */
const END_TO_END = ['jobs', 'continuous', 'rest', 'large-jobs', 'mqtt-semantics'];
const PREFIXES_OF_TESTS = ['$emqx/things', '$aws/things', 'fleet/things'];

/** What a test needs in order to run on a topology instead of a Muster of its own. */
export interface TestTarget {
  http: string;
  mqtt: string;
  temporal: { address: string; namespace: string };
  key: string;
  secret: string;
  broker: { passwordFile: string; pid: number };
}

async function inDirectory<T>(
  topicPrefixes: string[] | undefined,
  use: (topology: Topology, directory: string) => Promise<T>,
): Promise<T> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-topology-'));
  // The servers that run as users of their own must be able to reach theirs.
  fs.chmodSync(directory, 0o755);
  const topology = await startTopology({ directory, topicPrefixes, onProgress: (line) => console.log(line) });
  try {
    return await use(topology, directory);
  } finally {
    await topology.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

async function stayUp(topology: Topology, directory: string): Promise<void> {
  console.log(
    [
      '',
      ...topology.parts.map(({ name, pid }) => `${name.padEnd(12)} pid ${pid}`),
      '',
      `REST          ${topology.apis.join('  ')}`,
      `administrator ${API_KEY.key}:${API_KEY.secret}`,
      `devices       ${topology.mqtt}, under ${topology.topicPrefixes.join(', ')}`,
      `Temporal      ${topology.temporal.address}, namespace ${topology.temporal.namespace}`,
      `store         ${topology.databaseUrl}`,
      `files         ${directory}`,
      '',
      'Ctrl-C stops it and removes its files.',
    ].join('\n'),
  );
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

/** @returns whether all of them passed */
async function runTest(name: string): Promise<boolean> {
  return inDirectory(PREFIXES_OF_TESTS, async ({ apis, mqtt, temporal, broker }) => {
    const target: TestTarget = {
      ...{ http: apis[0]!, mqtt, temporal, ...API_KEY },
      broker: { passwordFile: broker.passwordFile, pid: broker.part.pid! },
    };
    const jest = spawn('npx', ['jest', '--runInBand', `test/${name}.test.ts`], {
      stdio: 'inherit',
      env: { ...process.env, MUSTER_TEST_TARGET: JSON.stringify(target) },
    });
    const [exitCode] = (await once(jest, 'exit')) as [number | null];
    return exitCode === 0;
  });
}

async function main(what: string | undefined, names: string[]): Promise<void> {
  if (what !== 'test') return inDirectory(undefined, stayUp);
  const failed: string[] = [];
  for (const name of names.length > 0 ? names : END_TO_END) if (!(await runTest(name))) failed.push(name);
  console.log(failed.length === 0 ? 'All of them passed on the topology.' : `Failed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

main(process.argv[2], process.argv.slice(3)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
