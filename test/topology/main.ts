/** `npm run topology`: starts the topology, says where everything is, and stops it again on Ctrl-C. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { API_KEY, startTopology } from './topology';

async function main(): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-topology-'));
  // The servers that run as users of their own must be able to reach theirs.
  fs.chmodSync(directory, 0o755);
  const topology = await startTopology({ directory, onProgress: (line) => console.log(line) });
  console.log(
    [
      '',
      ...topology.parts.map(({ name, pid }) => `${name.padEnd(12)} pid ${pid}`),
      '',
      `REST          ${topology.apis.join('  ')}`,
      `administrator ${API_KEY.key}:${API_KEY.secret}`,
      `devices       ${topology.mqtt}, under ${topology.topicPrefix}`,
      `Temporal      ${topology.temporal.address}, namespace ${topology.temporal.namespace}`,
      `store         ${topology.databaseUrl}`,
      `files         ${directory}`,
      '',
      'Ctrl-C stops it and removes its files.',
    ].join('\n'),
  );
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await topology.stop();
  fs.rmSync(directory, { recursive: true, force: true });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
