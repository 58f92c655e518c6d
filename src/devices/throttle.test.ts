import type { DeviceService } from './service';
import { BURST, REQUESTS_PER_SECOND, throttled } from './throttle';

function setUp() {
  let time = 0;
  let served = 0;
  const serve = () => {
    served++;
    return Promise.resolve({ accepted: true, json: '{}' });
  };
  const service: DeviceService = { getPending: serve, describe: serve, startNext: serve, update: serve };
  const devices = throttled(service, () => time);
  return {
    ask: (thing: string) => devices.getPending(thing, { clientToken: 'x' }),
    wait: (ms: number) => void (time += ms),
    served: () => served,
  };
}

it('serves a burst, then refuses without passing on, and echoes the token', async () => {
  const { ask, served } = setUp();
  for (let i = 0; i < BURST; i++) expect((await ask('a')).accepted).toBe(true);
  const refused = await ask('a');
  expect(refused).toMatchObject({ accepted: false, code: 'RequestThrottled' });
  expect(JSON.parse(refused.json)).toMatchObject({ code: 'RequestThrottled', clientToken: 'x' });
  expect(served()).toBe(BURST);
});

it('leaves other things alone', async () => {
  const { ask } = setUp();
  for (let i = 0; i <= BURST; i++) await ask('a');
  expect((await ask('b')).accepted).toBe(true);
});

it('serves a steady rate for ever', async () => {
  const { ask, wait } = setUp();
  for (let i = 0; i <= BURST; i++) await ask('a');
  for (let i = 0; i < 1_000; i++) {
    wait(1_000 / REQUESTS_PER_SECOND);
    expect((await ask('a')).accepted).toBe(true);
  }
});
