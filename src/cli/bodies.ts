/** What the commands read of the bodies that the REST API answers (docs of every field: `/docs` of a running Muster). */

export interface Credentials {
  clientId: string;
  username: string;
  password: string;
}

export interface Thing {
  name: string;
  mqttClientId: string;
  thingTypeName: string | null;
  tags: string[];
  attributes: Record<string, string>;
  createdAt: string;
  /** Only in the answers that make or renew them. */
  mqttCredentials?: Credentials;
}

export interface ThingType {
  name: string;
  description: string | null;
  createdAt: string;
}

export interface ThingGroup {
  name: string;
  kind: string;
  description: string | null;
  tags: string[];
  createdAt: string;
}

export interface Job {
  jobId: string;
  name: string | null;
  jobType: string;
  status: string;
  description: string | null;
  targets: unknown;
  document: unknown;
  timeoutConfig: Record<string, number> | null;
  reasonCode: string | null;
  comment: string | null;
  createdAt: string;
  lastUpdatedAt: string;
  completedAt: string | null;
  executionCounts: Record<string, number>;
}

export interface Execution {
  jobId: string;
  thingName: string;
  status: string;
  statusDetails: Record<string, string> | null;
  versionNumber: number;
  executionNumber: number;
  queuedAt: string;
  startedAt: string | null;
  lastUpdatedAt: string;
  finishedAt: string | null;
}

export interface Transition {
  versionNumber: number;
  executionNumber: number;
  from: string | null;
  to: string;
  at: string;
  by: string;
  reason: string | null;
  statusDetails: Record<string, string> | null;
}

export interface ApiKey {
  key: string;
  /** Only in the answer that makes it. */
  secret?: string;
  name: string | null;
  permissions: Permission[];
  createdAt: string;
}

export interface Permission {
  methods: string[];
  pathPrefix: string;
}
