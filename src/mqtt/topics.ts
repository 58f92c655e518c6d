/**
 * The topics of devices (PROTOCOL.md §2): `{prefix}/{thingName}/jobs/…`. Prefixes are a list; each may have several
 * levels, and none lies within another.
 */
import type { QoS } from 'mqtt-packet';
import { THING_NAME_PATTERN } from '../domain/limits';

/** Longer or deeper topics and filters are refused; every legal one is far below. */
const MAX_TOPIC_LENGTH = 1024;
const MAX_TOPIC_LEVELS = 32;

const JOB_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
/** In the place of a job id: the next pending execution. */
const NEXT = '$next';

/**
 * What a topic under `{prefix}/{thingName}/jobs` stands for:
 * - a request, with the job that it is about
 * - `answer`: what only Muster may publish
 * - `invalid`: no request has this topic; a device that uses it is answered `InvalidTopic`
 */
export type DeviceTopic = { prefix: string; thingName: string } & (
  { action: 'get' | 'start-next' | 'answer' | 'invalid' } | { action: 'describe' | 'update'; jobId: string }
);

/** @returns undefined for a topic that isn't under `{prefix}/{thingName}/jobs`. */
export function parseDeviceTopic(prefixes: readonly string[], topic: string): DeviceTopic | undefined {
  const prefix = prefixes.find((candidate) => topic.startsWith(`${candidate}/`));
  if (prefix === undefined) return undefined;
  const [thingName = '', room, ...rest] = topic.slice(prefix.length + 1).split('/');
  if (room !== 'jobs' || !THING_NAME_PATTERN.test(thingName)) return undefined;
  return { prefix, thingName, ...requestOf(rest) };
}

function requestOf(levels: string[]) {
  if (isAnswer(levels)) return { action: 'answer' } as const;
  const [first = '', verb] = levels;
  if (levels.length === 1 && (first === 'get' || first === 'start-next')) return { action: first } as const;
  if (levels.length === 2 && verb === 'get' && (first === NEXT || JOB_ID_PATTERN.test(first))) {
    return { action: 'describe', jobId: first } as const;
  }
  if (levels.length === 2 && verb === 'update' && JOB_ID_PATTERN.test(first)) {
    return { action: 'update', jobId: first } as const;
  }
  return { action: 'invalid' } as const;
}

function isAnswer(levels: string[]): boolean {
  const last = levels.at(-1);
  if (last === 'accepted' || last === 'rejected') return true;
  return levels.length === 1 && (last === 'notify' || last === 'notify-next');
}

/** What Muster subscribes to at a broker of others: the requests of all things, and no answers of its own. */
export function requestFilters(prefixes: readonly string[]): string[] {
  const requests = ['get', 'start-next', '+/get', '+/update'];
  return prefixes.flatMap((prefix) => requests.map((request) => `${prefix}/+/jobs/${request}`));
}

/** All that a thing is told, by Muster and by nobody else: never its own requests. */
export function answerFilters(prefixes: readonly string[]): string[] {
  const answers = ['notify', 'notify-next', '+/accepted', '+/rejected', '+/+/accepted', '+/+/rejected'];
  return prefixes.flatMap((prefix) => answers.map((answer) => `${prefix}/+/jobs/${answer}`));
}

/** Where a thing's notifications go: under every prefix. */
export function notifyTopics(
  prefixes: readonly string[],
  thingName: string,
): { notify: string[]; notifyNext: string[] } {
  const under = (name: string) => prefixes.map((prefix) => `${prefix}/${thingName}/jobs/${name}`);
  return { notify: under('notify'), notifyNext: under('notify-next') };
}

/** A thing publishes under its own name only, and never what is Muster's to say. */
export function mayPublish(prefixes: readonly string[], thingName: string, topic: string): boolean {
  return isOwn(prefixes, thingName, topic) && parseDeviceTopic(prefixes, topic)?.action !== 'answer';
}

/**
 * The same at a broker of others, where Muster hears of the four kinds of requests only: whatever else lies below `jobs`
 * would never be answered, so it is refused.
 */
export function mayAskBroker(prefixes: readonly string[], thingName: string, topic: string): boolean {
  const action = parseDeviceTopic(prefixes, topic)?.action;
  return mayPublish(prefixes, thingName, topic) && action !== 'invalid';
}

/** A thing subscribes to filters that lie wholly under its own name: wildcards only below it. */
export function maySubscribe(prefixes: readonly string[], thingName: string, filter: string): boolean {
  return isOwn(prefixes, thingName, filter);
}

/** The thing under whose name a topic or a filter of devices lies. */
export function ownerOf(prefixes: readonly string[], topic: string): string | undefined {
  const prefix = prefixes.find((candidate) => topic.startsWith(`${candidate}/`));
  return prefix === undefined ? undefined : topic.slice(prefix.length + 1).split('/', 1)[0];
}

/** MQTT 3.1.1, 4.7: `+` stands for one level, `#` at the end for any number of them. */
export function matchesFilter(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  const end = wanted.at(-1) === '#' ? wanted.length - 1 : undefined;
  if (end === undefined ? levels.length !== wanted.length : levels.length < end) return false;
  return wanted.slice(0, end).every((level, i) => level === '+' || level === levels[i]);
}

/** One session's subscription. */
export interface Filter {
  topic: string;
  qos: QoS;
  /** MQTT 5 */
  subscriptionIdentifier?: number;
}

/** How a session gets a message. */
export interface Reception {
  qos: QoS;
  /** Of the filters that match, where they have one (MQTT 5). */
  identifiers: number[];
}

/**
 * Where several filters of a session match, the highest of their qualities counts (MQTT 3.1.1, 3.3.5), and the message
 * tells the identifiers of all of them (MQTT 5, 3.3.4).
 * @returns undefined where none matches
 */
export function receptionOf(filters: readonly Filter[], topic: string): Reception | undefined {
  const matching = filters.filter((filter) => matchesFilter(filter.topic, topic));
  if (matching.length === 0) return undefined;
  const identifiers = matching.flatMap(({ subscriptionIdentifier: id }) => (id === undefined ? [] : [id]));
  const qos = matching.reduce<QoS>((highest, filter) => (filter.qos > highest ? filter.qos : highest), 0);
  return { qos, identifiers: [...new Set(identifiers)] };
}

function isOwn(prefixes: readonly string[], thingName: string, topic: string): boolean {
  if (topic.length > MAX_TOPIC_LENGTH || topic.split('/').length > MAX_TOPIC_LEVELS) return false;
  return prefixes.some((prefix) => topic.startsWith(`${prefix}/${thingName}/`));
}
