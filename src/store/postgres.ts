/** PostgreSQL as the store: connections, and where its SQL has to be told what SQLite does by itself. */
import {
  ColumnDefinitionNode,
  PostgresDialect,
  PostgresQueryCompiler,
  type PrimitiveValueListNode,
  type DataTypeNode,
  type Dialect,
  type PostgresPoolClient,
  type QueryCompiler,
} from 'kysely';
import { Pool, TypeOverrides, types, type PoolClient } from 'pg';

export interface PostgresLocation {
  /** `postgres://…`; settings in its query override those below. */
  url: string;
  /** Connections of this process at most. */
  poolSize: number;
  /** An idle connection was lost; a new one is made when it is needed. */
  onConnectionLost?: (error: Error) => void;
}

/** A statement that takes longer is canceled: the slowest one, the targets of a job of a million things, takes half of it. */
const STATEMENT_LIMIT_MS = 60_000;
/** Longer than a process that stands still for a moment holds a lock. */
const LOCK_LIMIT_MS = 15_000;
/** A process that stands still in the middle of a transaction loses its connection, and others its locks. */
const IDLE_IN_TRANSACTION_LIMIT_MS = 12_000;
const CONNECT_LIMIT_MS = 5_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/** For all work: connections that end when PostgreSQL goes away, and are made anew when it is back. */
export function workingDialect({ url, poolSize, onConnectionLost }: PostgresLocation): Dialect {
  const pool = createPool(url, {
    max: poolSize,
    statement_timeout: STATEMENT_LIMIT_MS,
    query_timeout: STATEMENT_LIMIT_MS + 5_000,
    lock_timeout: LOCK_LIMIT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_LIMIT_MS,
  });
  pool.on('error', (error) => onConnectionLost?.(error));
  return dialectOn(pool);
}

/** For migrations: they wait for each other and for large tables as long as it takes. */
export function migratingDialect({ url }: PostgresLocation): Dialect {
  return dialectOn(createPool(url, { max: 1 }));
}

function createPool(url: string, limits: object): Pool {
  const pool = new Pool({
    connectionString: withLibpqSslModes(url),
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    application_name: 'muster',
    types: typesWithNumbers(),
    ...limits,
  });
  // A connection may break while a transaction holds it between two statements; the next statement tells.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  return pool;
}

/** `sslmode` means what it means to psql: `require` encrypts, `verify-ca` and `verify-full` check the server. */
function withLibpqSslModes(url: string): string {
  const parsed = new URL(url);
  if (parsed.searchParams.has('sslmode')) parsed.searchParams.set('uselibpqcompat', 'true');
  return parsed.href;
}

/** Epoch milliseconds and counts, all of them far below 2^53. */
function typesWithNumbers(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, Number);
  return overrides;
}

function dialectOn(pool: Pool): Dialect {
  return new WordedDialect({
    pool: { connect: async () => checkedOut(await pool.connect()), end: () => pool.end() },
  });
}

/** A connection in use. */
function checkedOut(client: PoolClient): PostgresPoolClient {
  let released = false;
  const release = (broken: boolean) => {
    if (!released) client.release(broken);
    released = true;
  };
  const query = async (sql: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(sql, parameters.map(searchable));
    } catch (error) {
      // Its socket may lead nowhere: whoever got this connection next would wait as long.
      if (error instanceof Error && error.message === 'Query read timeout') release(true);
      throw error;
    }
  };
  return { query: query as never, release: () => release(false) };
}

/** PostgreSQL takes no U+0000 in texts. Nothing that is stored has one, so what is looked for by it is not found. */
function searchable(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '\u{fffd}') : value;
}

class WordedDialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new Wording();
  }
}

class Wording extends PostgresQueryCompiler {
  /** Names sort by their bytes whatever the locale of the database is: pages and prefixes of lists rely on it. */
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node);
    const isColumn = this.parentNode !== undefined && ColumnDefinitionNode.is(this.parentNode);
    if (isColumn && node.dataType === 'text') this.append(' collate "C"');
  }

  /** `in ()` is no SQL, though SQLite takes it. Lists are of texts. */
  protected override visitPrimitiveValueList(node: PrimitiveValueListNode): void {
    if (node.values.length === 0) this.append('(select null where false)');
    else super.visitPrimitiveValueList(node);
  }
}
