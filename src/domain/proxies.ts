/** Proxies that the environment names. */

/** As the different readers of such lists know it. */
const LOOPBACK = ['localhost', '127.0.0.1', '127.0.0.0/8', '::1', '[::1]'];

type Environment = Partial<Record<string, string>>;

/**
 * Variables by which nothing that is on this machine is looked for at a proxy, which would look on its own machine.
 * What else they except stays, for those readers as well that know one of the variables only.
 * @param env with `http_proxy` and its like, or without
 */
export function exceptLoopback(env: Environment): Record<string, string> {
  const excepted = env.no_proxy || env.NO_PROXY;
  // All is excepted by a * that stands alone. That gRPC does not know.
  const list = excepted?.trim() === '*' ? excepted : withLoopback(excepted);
  return { no_proxy: list, NO_PROXY: list, no_grpc_proxy: withLoopback(env.no_grpc_proxy || excepted) };
}

function withLoopback(list: string | undefined): string {
  return [...(list ? [list] : []), ...LOOPBACK].join(',');
}
