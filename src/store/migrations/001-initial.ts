import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await registry(db);
  await jobs(db);
  await executions(db);
}

async function registry(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('things')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('mqttClientId', 'text', (c) => c.notNull().unique())
    .addColumn('thingTypeName', 'text')
    .addColumn('attributesJson', 'text', (c) => c.notNull())
    .addColumn('passwordHash', 'text')
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addColumn('lastUpdatedAt', 'bigint', (c) => c.notNull())
    .addColumn('deletedAt', 'bigint')
    .execute();
  await schema.createIndex('things_by_type').on('things').columns(['thingTypeName', 'name']).execute();
  await schema
    .createIndex('things_being_deleted')
    .on('things')
    .column('name')
    .where(sql.ref('deletedAt'), 'is not', null)
    .execute();

  await schema
    .createTable('thing_tags')
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addColumn('tag', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('thing_tags_pk', ['thingName', 'tag'])
    .execute();
  await schema.createIndex('thing_tags_by_tag').on('thing_tags').columns(['tag', 'thingName']).execute();

  await schema
    .createTable('thing_types')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('description', 'text')
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .execute();

  await schema
    .createTable('thing_groups')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('description', 'text')
    .addColumn('thingTypeName', 'text')
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .execute();
  await schema
    .createIndex('thing_groups_by_type')
    .on('thing_groups')
    .columns(['thingTypeName', 'name'])
    .execute();
  await schema
    .createTable('thing_group_tags')
    .addColumn('groupName', 'text', (c) => c.notNull())
    .addColumn('tag', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('thing_group_tags_pk', ['groupName', 'tag'])
    .execute();
  await schema
    .createIndex('thing_group_tags_by_tag')
    .on('thing_group_tags')
    .columns(['tag', 'groupName'])
    .execute();
  await schema
    .createTable('thing_group_members')
    .addColumn('groupName', 'text', (c) => c.notNull())
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('thing_group_members_pk', ['groupName', 'thingName'])
    .execute();
  await schema
    .createIndex('thing_group_members_by_thing')
    .on('thing_group_members')
    .columns(['thingName', 'groupName'])
    .execute();

  await schema
    .createTable('membership_log')
    .addColumn('seq', 'bigint', (c) => c.primaryKey())
    .addColumn('groupName', 'text', (c) => c.notNull())
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addColumn('change', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .execute();
  await schema
    .createIndex('membership_log_by_thing')
    .on('membership_log')
    .columns(['thingName', 'seq'])
    .execute();
  await schema
    .createTable('membership_clock')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .execute();
  await sql`insert into membership_clock (id, seq) values (1, 0)`.execute(db);

  await schema
    .createTable('api_keys')
    .addColumn('apiKey', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text')
    .addColumn('secretHash', 'text', (c) => c.notNull())
    .addColumn('permissionsJson', 'text', (c) => c.notNull())
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addColumn('revokedAt', 'bigint')
    .execute();
}

async function jobs(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('jobs')
    .addColumn('jobId', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text')
    .addColumn('jobType', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('dispatch', 'text', (c) => c.notNull())
    .addColumn('description', 'text')
    .addColumn('documentJson', 'text', (c) => c.notNull())
    .addColumn('thingNamesJson', 'text', (c) => c.notNull())
    .addColumn('groupNamesJson', 'text', (c) => c.notNull())
    .addColumn('thingCount', 'integer', (c) => c.notNull())
    .addColumn('timeoutConfigJson', 'text', (c) => c.notNull())
    .addColumn('membershipSeq', 'bigint', (c) => c.notNull())
    .addColumn('reasonCode', 'text')
    .addColumn('comment', 'text')
    .addColumn('canceledBy', 'text')
    .addColumn('createdBy', 'text', (c) => c.notNull())
    .addColumn('requestHash', 'text')
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addColumn('lastUpdatedAt', 'bigint', (c) => c.notNull())
    .addColumn('completedAt', 'bigint')
    .execute();
  await schema.createIndex('jobs_newest').on('jobs').columns(['createdAt', 'jobId']).execute();
  await schema.createIndex('jobs_by_status').on('jobs').columns(['status', 'createdAt', 'jobId']).execute();
  await schema.createIndex('jobs_by_type').on('jobs').columns(['jobType', 'createdAt', 'jobId']).execute();

  await schema
    .createTable('job_groups')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('groupName', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('job_groups_pk', ['groupName', 'jobId'])
    .execute();
  await schema.createIndex('job_groups_by_job').on('job_groups').column('jobId').execute();

  await schema
    .createTable('job_targets')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('explicit', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('job_targets_pk', ['jobId', 'thingName'])
    .execute();
  await schema
    .createIndex('job_targets_by_position')
    .on('job_targets')
    .columns(['jobId', 'position'])
    .execute();
  await schema
    .createIndex('job_targets_by_thing')
    .on('job_targets')
    .columns(['thingName', 'jobId'])
    .execute();

  await schema
    .createTable('job_counts')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('shard', 'integer', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('n', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('job_counts_pk', ['jobId', 'shard', 'status'])
    .execute();
}

async function executions(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('executions')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addColumn('shard', 'integer', (c) => c.notNull())
    .addColumn('executionNumber', 'integer', (c) => c.notNull())
    .addColumn('versionNumber', 'integer', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('statusDetailsJson', 'text')
    .addColumn('queuedAt', 'bigint', (c) => c.notNull())
    .addColumn('startedAt', 'bigint')
    .addColumn('lastUpdatedAt', 'bigint', (c) => c.notNull())
    .addColumn('finishedAt', 'bigint')
    .addColumn('deadline', 'bigint')
    .addColumn('jobCreatedAt', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('executions_pk', ['jobId', 'thingName'])
    .execute();
  await schema
    .createIndex('executions_by_status')
    .on('executions')
    .columns(['jobId', 'status', 'thingName'])
    .execute();
  await schema
    .createIndex('executions_of_thing')
    .on('executions')
    .columns(['thingName', 'queuedAt', 'jobId'])
    .execute();
  await schema
    .createIndex('executions_pending')
    .on('executions')
    .columns(['thingName', 'status', 'queuedAt'])
    .where(sql.ref('status'), 'in', sql`('QUEUED', 'IN_PROGRESS')`)
    .execute();

  await schema
    .createTable('transitions')
    .addColumn('jobId', 'text', (c) => c.notNull())
    .addColumn('thingName', 'text', (c) => c.notNull())
    .addColumn('executionNumber', 'integer', (c) => c.notNull())
    .addColumn('versionNumber', 'integer', (c) => c.notNull())
    .addColumn('from', 'text')
    .addColumn('to', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('statusDetailsJson', 'text')
    .addColumn('clientToken', 'text')
    .addPrimaryKeyConstraint('transitions_pk', ['jobId', 'thingName', 'executionNumber', 'versionNumber'])
    .execute();
}
