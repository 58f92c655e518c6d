/** The devices of docs/devices.md, as they stand there, do a job on a real Muster. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createThing } from './support/device';
import { eventually } from './support/eventually';
import { startMuster, type Muster } from './support/muster';

const ROOT = path.resolve(__dirname, '..');

const runs = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
/** A python3 of one's own often hides that of the system, which has the packages of the system. */
const python = ['python3', '/usr/bin/python3'].find((each) => runs(each, '-c', 'import paho.mqtt.client'));
const hasJq = runs('jq', '--version');

interface Example {
  file: string;
  language: string;
  /** Undefined where what it needs isn't there. */
  command: string | undefined;
  /** The line that gets what it needs. */
  install: string;
}

const EXAMPLES: Example[] = [
  { file: 'examples/device.mjs', language: 'js', command: process.execPath, install: 'npm install mqtt' },
  {
    file: 'examples/device.py',
    language: 'python',
    command: python,
    install: 'apt-get install python3-paho-mqtt',
  },
  {
    file: 'examples/device.sh',
    language: 'bash',
    command: hasJq && runs('which', 'mosquitto_rr') ? 'bash' : undefined,
    install: 'apt-get install mosquitto-clients jq',
  },
  {
    file: 'examples/device-https.sh',
    language: 'bash',
    command: hasJq && runs('curl', '--version') ? 'bash' : undefined,
    install: 'apt-get install curl jq',
  },
];

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster?.stop());

describe.each(EXAMPLES)('$file', ({ file, language, command, install }) => {
  it('stands in docs/devices.md as it is', () => {
    const guide = fs.readFileSync(path.join(ROOT, 'docs/devices.md'), 'utf8');
    const source = fs.readFileSync(path.join(ROOT, file), 'utf8');
    expect(guide).toContain(`\`\`\`${language}\n${source}\`\`\`\n`);
  });

  const whereAvailable = command ? it : it.skip;
  whereAvailable(`does what it missed and what comes next${command ? '' : ` (${install})`}`, async () => {
    const name = path.basename(file);
    const { clientId, password } = await createThing(muster, name, { mqttClientId: `client-of-${name}` });
    const missed = await createJob(name);
    const device = start(command!, file, {
      THING_NAME: name,
      MQTT_CLIENT_ID: clientId,
      MQTT_PASSWORD: password,
    });
    try {
      await untilSucceeded(missed, name, device.output);
      await untilSucceeded(await createJob(name), name, device.output);
    } finally {
      await device.end();
    }
  });
});

async function createJob(thingName: string): Promise<string> {
  const answer = await muster.api('POST', '/jobs', {
    targets: { thingNames: [thingName] },
    document: { action: 'restart' },
  });
  expect(answer).toMatchObject({ status: 201 });
  return (answer.body as { jobId: string }).jobId;
}

async function untilSucceeded(jobId: string, thingName: string, output: () => string): Promise<void> {
  await eventually(async () => {
    const answer = await muster.api('GET', `/jobs/${jobId}/executions/${thingName}`);
    const { status } = answer.body as { status?: string };
    if (status !== 'SUCCEEDED') throw new Error(`It is ${status} on ${thingName}, which said:\n${output()}`);
  });
}

function start(command: string, file: string, env: NodeJS.ProcessEnv) {
  const { hostname, port } = new URL(muster.mqtt);
  const child = spawn(command, [path.join(ROOT, file)], {
    env: {
      ...process.env,
      ...env,
      MQTT_HOST: hostname,
      MQTT_PORT: port,
      MUSTER_URL: muster.http,
      POLL_SECONDS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a process group of its own, because a script has children.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return {
    output: () => output,
    async end(): Promise<void> {
      if (child.exitCode !== null || child.pid === undefined) return;
      const exited = once(child, 'exit');
      process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}
