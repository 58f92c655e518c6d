import { exceptLoopback } from './proxies';

const LOOPBACK = 'localhost,127.0.0.1,127.0.0.0/8,::1,[::1]';

it.each([
  [{}, LOOPBACK, LOOPBACK],
  [{ no_proxy: '', NO_PROXY: 'a.example' }, `a.example,${LOOPBACK}`, `a.example,${LOOPBACK}`],
  [{ no_proxy: 'a', NO_PROXY: 'b', no_grpc_proxy: 'c' }, `a,${LOOPBACK}`, `c,${LOOPBACK}`],
  [{ NO_PROXY: '*' }, '*', `*,${LOOPBACK}`],
])('excepts loopback beside what %j excepts', (env, list, ofGrpc) => {
  expect(exceptLoopback(env)).toEqual({ no_proxy: list, NO_PROXY: list, no_grpc_proxy: ofGrpc });
});
