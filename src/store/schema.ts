/**
 * The tables. Times are epoch milliseconds; columns named `…Json` hold JSON text.
 * Written for SQLite and PostgreSQL alike: integers, text, no booleans.
 */
import type { Generated, Insertable, Selectable } from 'kysely';
import type { EventType } from '../domain/events';
import type { Dispatch, ExecutionStatus, JobStatus, JobType, TargetState } from '../domain/statuses';

export interface Database {
  installation: InstallationTable;
  things: ThingsTable;
  thing_tags: ThingTagsTable;
  thing_types: ThingTypesTable;
  thing_groups: ThingGroupsTable;
  thing_group_tags: ThingGroupTagsTable;
  thing_group_members: ThingGroupMembersTable;
  membership_log: MembershipLogTable;
  membership_clock: MembershipClockTable;
  api_keys: ApiKeysTable;
  jobs: JobsTable;
  job_groups: JobGroupsTable;
  job_targets: JobTargetsTable;
  job_counts: JobCountsTable;
  executions: ExecutionsTable;
  transitions: TransitionsTable;
  sessions: SessionsTable;
  events: EventsTable;
  job_progress: JobProgressTable;
  leases: LeasesTable;
}

/** One row: what this store is to the outside. */
export interface InstallationTable {
  taskQueue: string;
}

export interface ThingsTable {
  name: string;
  mqttClientId: string;
  thingTypeName: string | null;
  attributesJson: string;
  /** SHA-256 in hex of the MQTT password; null once the credentials are revoked. */
  passwordHash: string | null;
  createdAt: number;
  lastUpdatedAt: number;
  /** Set while the thing is being deleted: it is gone for everybody, its executions are still being removed. */
  deletedAt: number | null;
  /** 1 while the thing is connected to the broker, 0 when it was, null where it never was. */
  connected: number | null;
  /** Since when. */
  connectionAt: number | null;
}

export interface ThingTagsTable {
  thingName: string;
  tag: string;
}

export interface ThingTypesTable {
  name: string;
  /** The name as it is searched, see `foldName`. */
  foldedName: string;
  description: string | null;
  createdAt: number;
}

export interface ThingGroupsTable {
  name: string;
  /** The name as it is searched, see `foldName`. */
  foldedName: string;
  /** `EXPLICIT`: members by hand; `DYNAMIC`: all things that carry all its tags; `TYPE`: all things of a type. */
  kind: 'EXPLICIT' | 'DYNAMIC' | 'TYPE';
  description: string | null;
  /** Of a `TYPE` group. */
  thingTypeName: string | null;
  createdAt: number;
}

export interface ThingGroupTagsTable {
  groupName: string;
  tag: string;
}

/** Membership of every kind of group, kept up to date in the transaction that changes it. */
export interface ThingGroupMembersTable {
  groupName: string;
  thingName: string;
}

/** Every join and leave, in the order of commit; CONTINUOUS jobs read it from their own cursor. */
export interface MembershipLogTable {
  seq: number;
  groupName: string;
  thingName: string;
  change: 'JOINED' | 'LEFT';
  at: number;
}

/**
 * One row that gives out `seq`. Whoever appends to the log holds it until commit, so that a reader
 * never sees a number before a smaller one that is still to come.
 */
export interface MembershipClockTable {
  id: number;
  seq: number;
}

export interface ApiKeysTable {
  apiKey: string;
  name: string | null;
  /** scrypt hash with its salt and parameters. */
  secretHash: string;
  permissionsJson: string;
  createdAt: number;
  revokedAt: number | null;
}

export interface JobsTable {
  jobId: string;
  name: string | null;
  /** The name as it is searched, see `foldName`; empty where it has none. */
  foldedName: string;
  jobType: JobType;
  status: JobStatus;
  dispatch: Dispatch;
  description: string | null;
  documentJson: string;
  /** Targets as the operator gave them: `[thingName, …]` and `[thingGroupName, …]`. */
  thingNamesJson: string;
  groupNamesJson: string;
  /** Its targets: a SNAPSHOT keeps all of them, a CONTINUOUS job those that belong to it now. */
  thingCount: number;
  /** Those of them that were launched. */
  launchedCount: Generated<number>;
  /** Positions of the queue that were given out so far. */
  queueEnd: Generated<number>;
  timeoutConfigJson: string;
  /** How far the membership log was read: at first, where it stood when the targets were resolved. */
  membershipSeq: number;
  reasonCode: string | null;
  comment: string | null;
  canceledBy: string | null;
  createdBy: string;
  /** SHA-256 of the request body, of jobs made with an Idempotency-Key. */
  requestHash: string | null;
  createdAt: number;
  lastUpdatedAt: number;
  completedAt: number | null;
}

/** The groups that a CONTINUOUS job watches. */
export interface JobGroupsTable {
  jobId: string;
  groupName: string;
  /** Of a group that was deleted: its last entry in the membership log. Another group of its name is another one. */
  endSeq: number | null;
}

/**
 * The queue of a job: the things that it targets, by position from 0. In a CONTINUOUS job things come and go, and some
 * positions are empty.
 */
export interface JobTargetsTable {
  jobId: string;
  thingName: string;
  position: number;
  /** 1 where the job names the thing itself. */
  explicit: number;
  /** LAUNCHED since the transaction that made its execution visible. */
  state: Exclude<TargetState, 'NOT_LAUNCHED'>;
}

/** Execution counts, spread over shards so that one row does not queue up a whole job. */
export interface JobCountsTable {
  jobId: string;
  shard: number;
  status: ExecutionStatus;
  n: number;
}

/** The current attempt of a job on a thing. Written only by the activities of its own workflow. */
export interface ExecutionsTable {
  jobId: string;
  thingName: string;
  shard: number;
  executionNumber: number;
  versionNumber: number;
  status: ExecutionStatus;
  statusDetailsJson: string | null;
  queuedAt: number;
  startedAt: number | null;
  lastUpdatedAt: number;
  finishedAt: number | null;
  /** The nearer of the running timers. */
  deadline: number | null;
  /** Of the job: settles the order of executions that were queued at the same time. */
  jobCreatedAt: number;
}

/** One row per accepted change; (execution attempt, versionNumber) is unique, so recording twice changes nothing. */
export interface TransitionsTable {
  jobId: string;
  thingName: string;
  executionNumber: number;
  versionNumber: number;
  from: ExecutionStatus | null;
  to: ExecutionStatus;
  at: number;
  by: string;
  reason: string | null;
  statusDetailsJson: string | null;
  /** SHA-256 of what the device's report asked for: a repeat of it gets the first answer again. */
  requestHash: string | null;
}

/** Browsers that have signed in. */
export interface SessionsTable {
  /** SHA-256 in hex of the cookie. */
  tokenHash: string;
  apiKey: string;
  createdAt: number;
  expiresAt: number;
}

/** What happened, appended in the transaction in which it happened; the latest ones only. */
export interface EventsTable {
  /** In the order of insertion, which is not that of commit where transactions run side by side. */
  seq: Generated<number>;
  /** The transaction, by which the order is made sure of; 0 where one transaction runs after the other. */
  tx: Generated<number>;
  at: number;
  type: EventType;
  jobId: string | null;
  thingName: string | null;
  /** What the other columns do not tell. */
  dataJson: string;
  /** 1 where people want to read of it: of jobs, and executions that failed. */
  notable: number;
}

/** Counts of a job's executions at some moments: a JSON object by status. */
export interface JobProgressTable {
  jobId: string;
  at: number;
  countsJson: string;
}

/** Who does now what only one process may do, until `expiresAt`. */
export interface LeasesTable {
  name: string;
  /** Empty where it was given back. */
  holder: string;
  expiresAt: number;
}

export type ExecutionRow = Selectable<ExecutionsTable>;
export type TransitionRow = Selectable<TransitionsTable>;
export type JobRow = Selectable<JobsTable>;
export type NewJob = Insertable<JobsTable>;
export type ThingRow = Selectable<ThingsTable>;
export type ThingTypeRow = Selectable<ThingTypesTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;
