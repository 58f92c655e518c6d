/** Methods in upper case, `*` for all, on paths that begin with a prefix. */
export interface Permission<Method extends string = string> {
  methods: readonly Method[];
  pathPrefix: string;
}

/**
 * What the credentials of a thing are good for, over HTTPS as over MQTT: speaking for it. Here for all things,
 * because a key that gives credentials can give them to any.
 */
export const SPEAKING_FOR_THINGS: Permission = { methods: ['POST'], pathPrefix: '/api/v1/thing-datas' };

/** A prefix ends at a boundary between segments of the path. */
export function permits(permissions: readonly Permission[], method: string, path: string): boolean {
  const asked = method === 'HEAD' ? 'GET' : method;
  return permissions.some(({ methods, pathPrefix }) => {
    const root = rootOf(pathPrefix);
    return (
      methods.some((one) => one === '*' || one === asked) && (path === root || path.startsWith(`${root}/`))
    );
  });
}

/**
 * What of `wanted` goes beyond `own`. Nothing: every call that `wanted` permits is permitted by `own`.
 * A method that `own` has at the root of a prefix it has below that root as well, so that the root tells for all.
 */
export function missingPermissions(own: readonly Permission[], wanted: readonly Permission[]): Permission[] {
  return wanted
    .map(({ methods, pathPrefix }) => ({
      methods: methods.filter((method) => !permits(own, method, rootOf(pathPrefix))),
      pathPrefix,
    }))
    .filter(({ methods }) => methods.length > 0);
}

/** As the command line takes it: `GET,POST:/api/v1/jobs`. */
export function formatPermission({ methods, pathPrefix }: Permission): string {
  return `${methods.join(',')}:${pathPrefix}`;
}

function rootOf(pathPrefix: string): string {
  return pathPrefix.replace(/\/+$/, '');
}
