import type { Db } from '../store/database';
import type { StatusCounts } from './metrics';

/** Jobs and executions by status, for the metrics. */
export async function countStatuses(db: Db): Promise<StatusCounts> {
  const jobs = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['status', fn.countAll<number>().as('n')])
    .groupBy('status')
    .execute();
  const executions = await db
    .selectFrom('job_counts')
    .select(({ fn }) => ['status', fn.sum<number>('n').as('n')])
    .groupBy('status')
    .execute();
  return { jobs: byStatus(jobs), executions: byStatus(executions) };
}

function byStatus(rows: { status: string; n: number }[]): Record<string, number> {
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}
