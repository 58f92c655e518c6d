/** What went wrong between Muster and its database, from the codes that the drivers give. */

/** Of PostgreSQL: two transactions were in each other's way, and this one has not taken place. */
const CONFLICTS = ['40001', '40P01'];
/** Of PostgreSQL: connection exceptions, shutting down or starting up, idle in a transaction for too long. */
const LOST = /^(08...|57P..|25P03)$/;
/** Of PostgreSQL: out of connections, space or memory; read only; a lock or an answer took too long. */
const BUSY = /^(53...|25006|55P03|57014)$/;
const SQLITE_BUSY = /^SQLITE_(BUSY|FULL|IOERR|READONLY|CANTOPEN)/;
const LOST_SOCKET = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];
/** The driver's own faults have no code. */
const LOST_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client (has encountered a connection error|was closed)|Query read timeout)/;
const NO_SSL = /^The server does not support SSL connections/;

/** The transaction has not taken place, and may well do so when it is tried again. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.includes(codeOf(error));
}

/** The connection broke, or there is none to be had. */
export function isConnectionLost(error: unknown): boolean {
  const { syscall } = error as { syscall?: string };
  const code = codeOf(error);
  return (
    LOST.test(code) ||
    LOST_SOCKET.includes(code) ||
    syscall === 'connect' ||
    syscall === 'getaddrinfo' ||
    LOST_MESSAGES.test(messageOf(error))
  );
}

/** The database is away, full or too busy: nothing is wrong with what was asked, and later it may work. */
export function isStoreUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return isConflict(error) || isConnectionLost(error) || BUSY.test(code) || SQLITE_BUSY.test(code);
}

/** PostgreSQL answers, but not to us: wrong password, no such role or database, a certificate that does not hold. */
export function isRefusedAtStart(error: unknown): boolean {
  const code = codeOf(error);
  return (
    /^(28...|3D000|42501)$/.test(code) ||
    /CERT|SSL|TLS|ENOENT|EACCES/.test(code) ||
    NO_SSL.test(messageOf(error))
  );
}

function messageOf(error: unknown): string {
  return (error as { message?: string } | undefined)?.message ?? '';
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
