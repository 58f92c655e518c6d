/** What stands beside the code for production: the compose file, the alerts, the dashboard, the runbook. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findOnPath } from '../src/runtime/temporal-executable';
import { CONFIG_OPTIONS } from '../src/runtime/config';
import { createMetrics } from '../src/runtime/metrics';

/** Loads a compose file as Docker Compose does, and checks it against the schema of the compose specification. */
const COMPOSE_LOADER = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';

interface Service {
  command?: string[];
  environment?: Record<string, string>;
  healthcheck?: unknown;
  image: string;
  depends_on?: Record<string, unknown>;
}

const read = (file: string) => fs.readFileSync(path.resolve(file), 'utf8');

function loadCompose(): Record<string, Service> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-compose-'));
  const file = path.join(directory, 'docker-compose.yml');
  // The secrets that it asks for.
  fs.writeFileSync(file, read('docker-compose.yml').replace(/\$\{[A-Z0-9_]+:\?[^}]*\}/g, 'secret'));
  const { status, stdout, stderr } = spawnSync('go', ['run', COMPOSE_LOADER, '-format', 'json', file], {
    encoding: 'utf8',
    cwd: directory,
    timeout: 300_000,
  });
  fs.rmSync(directory, { recursive: true, force: true });
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { services: Record<string, Service> }).services;
}

const describeWithGo = findOnPath('go', process.env.PATH)
  ? describe
  : (name: string, tests: () => void) => describe.skip(`${name} (no Go here: apt-get install golang)`, tests);

describeWithGo('docker-compose.yml', () => {
  let services: Record<string, Service>;
  beforeAll(() => {
    services = loadCompose();
  });

  const ofMuster = () => Object.entries(services).filter(([, { image }]) => image.startsWith('muster:'));

  it('runs each role in two processes', () => {
    const roles = ofMuster().map(([, { command }]) => command?.join(' '));
    expect(roles.sort()).toEqual(
      ['api', 'api', 'bridge', 'bridge', 'worker', 'worker'].map((role) => `serve --roles ${role}`),
    );
  });

  it('sets options of Muster and nothing else', () => {
    const options = new Set<string>(Object.values(CONFIG_OPTIONS).map(({ env }) => env));
    for (const [name, { environment = {} }] of ofMuster())
      expect([name, Object.keys(environment).filter((variable) => !options.has(variable))]).toEqual([
        name,
        [],
      ]);
  });

  it('names a version of every image', () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/:v?\d+\.\d+/);
  });
});

describe('alerts and dashboard', () => {
  const alerts = read('deploy/prometheus/alerts.yml');
  const dashboard = read('deploy/grafana/dashboards/muster.json');

  it('ask for metrics that there are', async () => {
    const metrics = createMetrics({
      countStatuses: () => Promise.resolve({ jobs: {}, executions: {} }),
      checkReady: () => Promise.resolve({ ready: true, checks: {} }),
    });
    const told = await metrics.render();
    const asked = new Set(`${alerts}${dashboard}`.match(/\b(muster|nodejs|process)_[a-z0-9_]+/g));
    expect(asked.size).toBeGreaterThan(5);
    for (const name of asked)
      expect(told).toMatch(new RegExp(`^# HELP ${name.replace(/_bucket$/, '')} `, 'm'));
  });

  it('have a section of the runbook each', () => {
    const runbook = read('docs/runbook.md');
    const names = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      expect(runbook).toContain(`## ${name}\n`);
      expect(alerts).toContain(`runbook: docs/runbook.md#${name.toLowerCase()}`);
    }
  });

  const promtool = findOnPath('promtool', process.env.PATH);
  (promtool ? it : it.skip)(
    `are what Prometheus understands${promtool ? '' : ' (no promtool here: apt-get install prometheus)'}`,
    () => {
      execFileSync('promtool', ['check', 'rules', 'deploy/prometheus/alerts.yml']);
      execFileSync('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml']);
    },
  );
});
