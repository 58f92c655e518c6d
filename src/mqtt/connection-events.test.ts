import { parseConnectionEvent } from './connection-events';

const about = (what: string, body: unknown, clientId = 'c-1') =>
  parseConnectionEvent(
    `$SYS/brokers/emqx@10.0.0.1/clients/${clientId}/${what}`,
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  );

test('connections and their ends are read as EMQX tells them', () => {
  const connected = { username: 'boiler', clientid: 'c-1', ts: 1_625_572_213_873, proto_ver: 4, connack: 0 };
  expect(about('connected', connected)).toEqual({
    thingName: 'boiler',
    connected: true,
    at: 1_625_572_213_873,
  });
  const disconnected = { username: 'boiler', ts: 1_625_572_213_874, reason: 'tcp_closed' };
  expect(about('disconnected', disconnected)).toMatchObject({ thingName: 'boiler', connected: false });
});

test('a user name ends at its first ?', () => {
  expect(about('connected', { username: 'boiler?SDK=Python&Version=1', ts: 1 })).toMatchObject({
    thingName: 'boiler',
  });
});

test('a connection that was taken over has not ended', () => {
  expect(about('disconnected', { username: 'boiler', ts: 1, reason: 'takenover' })).toBeUndefined();
});

test.each([
  ['not json'],
  [{}],
  [{ username: 'boiler' }],
  [{ username: 7, ts: 1 }],
  [{ username: '?', ts: 1 }],
  [[]],
  [null],
])('%j is no news', (body) => {
  expect(about('connected', body)).toBeUndefined();
  expect(about('subscribed', body)).toBeUndefined();
});
