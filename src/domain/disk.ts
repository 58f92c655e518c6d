/** What an error says about the disk that Muster writes to. */
export type DiskFault = 'full' | 'read-only';

/** Of the operating system, SQLite, LevelDB and Go: no room, no room within a quota, no larger file. */
const FULL =
  /\b(ENOSPC|EDQUOT|EFBIG|SQLITE_FULL)\b|no space left on device|disk is full|disk quota exceeded|file too large/i;
const READ_ONLY = /\bEROFS\b|\bSQLITE_READONLY|read-only file system|readonly database/i;
/** An error wraps another one, which wraps another one; nobody wraps deeper than this. */
const MAX_CAUSES = 8;

/**
 * The fault of the disk that an error, or what it was caused by, tells of; undefined where it tells of none. It may be
 * another disk than Muster's: a database elsewhere says the same.
 */
export function diskFaultOf(error: unknown): DiskFault | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof cause === 'object' && cause !== null; depth++) {
    const { code, message, details } = cause as { code?: unknown; message?: unknown; details?: unknown };
    const text = [code, message, details].filter((part) => typeof part === 'string').join(' ');
    if (FULL.test(text)) return 'full';
    if (READ_ONLY.test(text)) return 'read-only';
    ({ cause } = cause as { cause?: unknown });
  }
  return undefined;
}
