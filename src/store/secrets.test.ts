import { stat } from 'node:fs/promises';
import { MusterError } from '../contract/errors';
import { matchesSlowHash, slowHash } from './secrets';

it('takes a secret for what it is, and no other', async () => {
  const stored = await slowHash('a secret');
  expect(await matchesSlowHash('a secret', stored)).toBe(true);
  expect(await matchesSlowHash('another', stored)).toBe(false);
});

it('leaves threads to files while many secrets are hashed', async () => {
  let hashed = 0;
  const hashes = Array.from({ length: 40 }, () => slowHash('x').then(() => (hashed += 1)));
  await stat(__filename);
  // It neither waited for a turn nor for a thread that a hash held: most of them have not begun.
  expect(hashed).toBeLessThan(30);
  await Promise.all(hashes);
});

it('refuses more than it can do in some seconds, and says when to come again', async () => {
  const results = await Promise.allSettled(Array.from({ length: 110 }, () => slowHash('x')));
  const refused = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as MusterError] : [],
  );
  expect(refused).toHaveLength(8);
  expect(refused[0]).toMatchObject({ code: 'RequestThrottled', retryAfterSeconds: 3 });
});
