/** What anybody may ask of a process, as often as they like. */
import pino from 'pino';
import request from 'supertest';
import { createOperations } from '../api/app';
import { createReadinessCheck } from './health';
import { createMetrics } from './metrics';

it.each(['/metrics', '/readyz'])(
  '%s finds one answer for all who ask at about the same time',
  async (path) => {
    const found = { counts: 0, checks: 0 };
    const checkReady = createReadinessCheck({ store: () => (found.checks += 1) });
    const countStatuses = () => {
      found.counts += 1;
      return Promise.resolve({ jobs: { IN_PROGRESS: 2 }, executions: {} });
    };
    const app = createOperations({
      health: { checkReady },
      metrics: createMetrics({ countStatuses, checkReady }),
      log: pino({ level: 'silent' }),
    });
    const ask = () => request(app).get(path);
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    answers.push(await ask());
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]!.status).toBe(200);
    expect(found).toEqual({ counts: path === '/metrics' ? 1 : 0, checks: 1 });
  },
);
