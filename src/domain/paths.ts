/** Addresses that are built of names. */

/**
 * A name as one segment of a path.
 * @returns undefined for nothing at all, `.` and `..`: a path would lose them, encoded or not, and lead elsewhere
 */
export function pathSegment(name: string): string | undefined {
  return /^\.{0,2}$/.test(name) ? undefined : encodeURIComponent(name);
}
