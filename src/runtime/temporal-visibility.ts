/** The visibility table of the embedded Temporal, by which workflows are searched: each of them pays for it four times. */
import Database from 'better-sqlite3';

const LOCK_LIMIT_MS = 5_000;

/**
 * Temporal makes an index for each attribute that somebody might search by. A search by one of these still works, and
 * reads the table. Without them a workflow costs Temporal a fifth less (docs/scaling.md).
 */
const UNUSED = [
  ...[
    'execution_time',
    'history_length',
    'history_size_bytes',
    'execution_duration',
    'state_transition_count',
  ],
  ...['task_queue', 'parent_run_id', 'root_run_id', 'batcher_user'],
  ...['temporal_scheduled_start_time', 'temporal_scheduled_by_id', 'temporal_schedule_paused'],
  ...['temporal_namespace_division', 'temporal_pause_info'],
  ...['temporal_worker_deployment', 'temporal_worker_deployment_version'],
  'temporal_workflow_versioning_behavior',
  ...numbered('bool_', 3),
  ...numbered('datetime_', 3),
  ...numbered('double_', 3),
  ...numbered('int_', 3),
].map((what) => `by_${what}`);

/** Temporal keeps attributes of the type Keyword in these, whichever is free. */
const KEYWORD_COLUMNS = numbered('Keyword', 10);

/**
 * Leaves the indexes that are of use, and has the full-text search look only at what changes; done again it changes
 * nothing.
 * @param file the database of a Temporal that has made its tables; it may be running
 * @param searchedColumns where the attributes are that Muster sets, such as `Keyword03`
 * @throws where the database can't be written within 5 s
 */
export function tuneVisibility(file: string, searchedColumns: readonly string[]): void {
  const db = new Database(file, { fileMustExist: true, timeout: LOCK_LIMIT_MS });
  try {
    db.transaction(() => {
      UNUSED.forEach((name) => db.exec(`DROP INDEX IF EXISTS ${name}`));
      KEYWORD_COLUMNS.forEach((column) => db.exec(indexOf(column, searchedColumns.includes(column))));
      indexTextWhereItChanges(db);
    }).immediate();
  } finally {
    db.close();
  }
}

/** As Temporal defines it; another version of Muster, or a later attribute, may have left it out. */
function indexOf(column: string, isSearched: boolean): string {
  const name = column.replace('Keyword', 'by_keyword_');
  if (!isSearched) return `DROP INDEX IF EXISTS ${name}`;
  return `CREATE INDEX IF NOT EXISTS ${name} ON executions_visibility
    (namespace_id, ${column}, (COALESCE(close_time, '9999-12-31 23:59:59+00:00')) DESC, start_time DESC, run_id)`;
}

/** Temporal takes all texts of a workflow out of its full-text indexes and puts them in again, whatever has changed of it. */
function indexTextWhereItChanges(db: Database.Database): void {
  const name = 'executions_visibility_au';
  const trigger = db
    .prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?")
    .pluck()
    .get(name) as string | undefined;
  const [head, body] = trigger?.split(/\bBEGIN\b/) ?? [];
  if (head === undefined || body === undefined || /\bWHEN\b/.test(head)) return;
  const columns = new Set([...body.matchAll(/\bNEW\.(\w+)/g)].map(([, column]) => column));
  columns.delete('rowid');
  const all = (row: string) => `(${[...columns].map((column) => `${row}.${column}`).join(', ')})`;
  db.exec(`DROP TRIGGER ${name}`);
  db.exec(`${head} WHEN ${all('OLD')} IS NOT ${all('NEW')} BEGIN ${body}`);
}

function numbered(what: string, last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${what}${String(i + 1).padStart(2, '0')}`);
}
