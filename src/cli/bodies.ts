/** The bodies of the REST API, as its contract has them. */
import type { z } from 'zod';
import type * as contract from '../contract/rest';

export type NewThing = z.input<typeof contract.newThing>;
export type Thing = z.infer<typeof contract.thing>;
export type ThingWithCredentials = z.infer<typeof contract.thingWithCredentials>;
/** What a thing connects to the broker with. */
export type Credentials = ThingWithCredentials['mqttCredentials'];
export type BulkAnswer = z.infer<typeof contract.bulkAnswer>;
export type ThingType = z.infer<typeof contract.thingType>;
export type ThingGroup = z.infer<typeof contract.thingGroup>;
export type ThingGroupDetail = z.infer<typeof contract.thingGroupDetail>;
export type Job = z.infer<typeof contract.job>;
export type JobSummary = z.infer<typeof contract.jobSummary>;
export type Target = z.infer<typeof contract.target>;
export type Execution = z.infer<typeof contract.execution>;
export type ExecutionDetail = z.infer<typeof contract.executionDetail>;
export type Transition = z.infer<typeof contract.transition>;
export type ApiKey = z.infer<typeof contract.apiKey>;
export type ApiKeyWithSecret = z.infer<typeof contract.apiKeyWithSecret>;
export type Permission = z.input<typeof contract.newApiKey>['permissions'][number];
export type Problem = z.infer<typeof contract.problem>;
