import { createLogger, temporalLogger, workflowFields } from './logs';

function capture(level: 'info' | 'debug' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, log: createLogger(level, { destination: { write } }) };
}

test('no secret reaches the log, at the top or inside', () => {
  const { lines, log } = capture();
  log.info({ password: 'hush', body: { secret: 'hush', req: { authorization: 'hush' } } }, 'x');
  expect(JSON.stringify(lines)).not.toContain('hush');
});

test('an error is logged without its stack, unless somebody debugs', () => {
  const quiet = capture();
  quiet.log.error({ err: new Error('broken') }, 'x');
  expect(quiet.lines[0]?.err).toEqual({ type: 'Error', message: 'broken' });

  const debugging = capture('debug');
  debugging.log.error({ err: new Error('broken') }, 'x');
  expect(debugging.lines[0]?.err).toHaveProperty('stack');
});

test('a workflow id tells the job and the thing', () => {
  expect(workflowFields('job/j1')).toEqual({ jobId: 'j1' });
  expect(workflowFields('job/j1/batch/3')).toEqual({ jobId: 'j1' });
  expect(workflowFields('job/j1/thing/a:b')).toEqual({ jobId: 'j1', thingName: 'a:b' });
  expect(workflowFields('other')).toEqual({});
  expect(workflowFields(undefined)).toEqual({});
});

test("Temporal's log carries the job and the thing, and leaves out its chatter", () => {
  const { lines, log } = capture();
  const logger = temporalLogger(log);
  logger.warn('Activity failed', { workflowId: 'job/j1/thing/t1', error: new Error('no') });
  logger.info('Worker state changed', { sdkComponent: 'worker' });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'warn', jobId: 'j1', thingName: 't1', err: { message: 'no' } });
});
