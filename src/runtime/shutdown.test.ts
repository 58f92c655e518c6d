import { createLogger } from './logs';
import { Shutdown } from './shutdown';

test('parts stop in reverse order, once, and none holds up the others', async () => {
  const stopped: string[] = [];
  const shutdown = new Shutdown(createLogger('silent'));
  shutdown.add('first', 1_000, () => void stopped.push('first'));
  shutdown.add('hanging', 10, () => new Promise(() => {}));
  shutdown.add('failing', 1_000, () => {
    throw new Error('no');
  });
  shutdown.add('last', 1_000, () => void stopped.push('last'));
  await Promise.all([shutdown.run(), shutdown.run()]);
  expect(stopped).toEqual(['last', 'first']);
});
