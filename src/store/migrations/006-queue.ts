import { sql, type Kysely } from 'kysely';

/** A job's targets are a queue: each waits or was launched, and the job's row counts them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .alterTable('job_targets')
    .addColumn('state', 'text', (c) => c.notNull().defaultTo('WAITING'))
    .execute();
  await schema
    .alterTable('jobs')
    .addColumn('launchedCount', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await schema
    .alterTable('jobs')
    .addColumn('queueEnd', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await schema.alterTable('job_groups').addColumn('endSeq', 'bigint').execute();
  await schema
    .createIndex('job_targets_waiting')
    .on('job_targets')
    .columns(['jobId', 'position'])
    .where(sql.ref('state'), '=', sql`'WAITING'`)
    .execute();

  await sql`
    update job_targets set state = 'LAUNCHED'
    where exists (select 1 from executions e
      where e."jobId" = job_targets."jobId" and e."thingName" = job_targets."thingName")`.execute(db);
  await sql`
    update jobs set
      "launchedCount" = (select count(*) from job_targets t where t."jobId" = jobs."jobId" and t.state = 'LAUNCHED'),
      "queueEnd" = (select coalesce(max(t.position), -1) + 1 from job_targets t where t."jobId" = jobs."jobId")`.execute(
    db,
  );
}
