/** Methods in upper case, `*` for all, on paths that begin with a prefix. */
interface Permission {
  methods: readonly string[];
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
