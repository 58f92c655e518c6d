/** The indexes of the embedded Temporal's visibility table, each of which every workflow pays for twice. */
import Database from 'better-sqlite3';

const LOCK_LIMIT_MS = 5_000;

/**
 * Temporal makes one for each attribute that somebody might search by. Muster has four attributes of its own, all
 * Keyword, and neither it nor the pages of the Temporal UI filter by these; a search by one of them still works and
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
  ...numbered('bool', 1, 3),
  ...numbered('datetime', 1, 3),
  ...numbered('double', 1, 3),
  ...numbered('int', 1, 3),
  ...numbered('keyword', 5, 10),
].map((what) => `by_${what}`);

/**
 * Drops them; done again it changes nothing.
 * @param file the database of a Temporal that has made its tables; it may be running
 * @throws where the database can't be written within 5 s
 */
export function dropUnusedIndexes(file: string): void {
  const db = new Database(file, { fileMustExist: true, timeout: LOCK_LIMIT_MS });
  try {
    db.transaction(() => UNUSED.forEach((name) => db.exec(`DROP INDEX IF EXISTS ${name}`))).immediate();
  } finally {
    db.close();
  }
}

function numbered(type: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${type}_${String(first + i).padStart(2, '0')}`);
}
