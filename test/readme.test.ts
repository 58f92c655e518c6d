/** The README's first job, as it stands there. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

const README = fs.readFileSync(path.resolve(__dirname, '../README.md'), 'utf8');
const [, firstJob = ''] = /^## A first job$(.*?)^## /ms.exec(README) ?? [];
const blocks = (language: string) =>
  [...firstJob.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const withCurl = hasCurl ? it : it.skip;

let muster: Muster;
beforeAll(async () => (muster = await startMuster()));
afterAll(() => muster.stop());

withCurl(
  `makes a job and shows its execution${hasCurl ? '' : ' (no curl here: apt-get install curl)'}`,
  async () => {
    const [create = '', look = ''] = blocks('sh');
    const [execution = ''] = blocks('json');
    const made = run(create);
    const job = made.slice(made.lastIndexOf('{"jobId"'));
    // In the words of the text.
    const [, targetCounts = ''] = /`("targetCounts":.*?})`/.exec(firstJob) ?? [];
    expect(job).toContain(targetCounts);

    const [jobId] = UUID.exec(job)!;
    // Two seconds are enough for people; a busy machine may need more.
    await eventually(() => {
      const answer = run(`${setUp(create)}\n${look.replace(UUID, jobId)}`);
      expect(answer.replace(TIME, 'T')).toBe(asOneLine(execution.replace(UUID, jobId)).replace(TIME, 'T'));
    });
  },
);

const setUp = (block: string) =>
  block
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .join('\n');
const asOneLine = (json: string) => JSON.stringify(JSON.parse(json));

function run(script: string): string {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    [
      '-ec',
      script.replace('http://127.0.0.1:8080', muster.http).replace(/curl /g, 'curl -sS --fail-with-body '),
    ],
    { encoding: 'utf8', env: { ...process.env, MUSTER_API_KEY: `${muster.key}:${muster.secret}` } },
  );
  if (status !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
  return stdout;
}
