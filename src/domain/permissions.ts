/** What an API key may do: methods in upper case, `*` for all, on paths that begin with a prefix. */
export interface Permission {
  methods: string[];
  pathPrefix: string;
}

/** A prefix ends at a boundary between segments of the path. */
export function permits(permissions: readonly Permission[], method: string, path: string): boolean {
  const asked = method === 'HEAD' ? 'GET' : method;
  return permissions.some(({ methods, pathPrefix }) => {
    const root = pathPrefix.replace(/\/+$/, '');
    return (
      methods.some((one) => one === '*' || one === asked) && (path === root || path.startsWith(`${root}/`))
    );
  });
}
