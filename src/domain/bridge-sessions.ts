/**
 * How the bridges of all processes divide the work at an external broker among them. The work hangs on a fixed number of
 * sessions in the broker, which outlive every process; a lease says which process serves a session now.
 */

/**
 * `SHARED`: the sessions are one shared subscription, and the broker gives each message to one of them.
 * `SPLIT`: for brokers that can't. Each session gets every message and serves its part of the things.
 */
export type Sharing = 'SHARED' | 'SPLIT';

/**
 * Sessions that were made to work together. With another number or another way of sharing come other sessions, so that
 * what a session gets and what it is to serve never changes during its life.
 */
export interface Generation {
  sharing: Sharing;
  /** How many sessions. */
  of: number;
}

export interface BridgeSession extends Generation {
  /** From 0. */
  index: number;
}

/** Who serves a session, or that a process is there; held until `expiresAt` (epoch milliseconds). */
export interface Lease {
  name: string;
  holder: string;
  expiresAt: number;
}

/** What a process is to do now. */
export interface SessionPlan {
  /** Sessions to take: they are free, and this process serves less than its share. */
  take: BridgeSession[];
  /** Sessions to give back: others serve less than their share. */
  giveBack: BridgeSession[];
  /** A session of a generation that nobody works for any more: to be emptied and ended. */
  retire?: BridgeSession;
}

/** Also its client id at the broker. */
export function sessionName({ sharing, index, of }: BridgeSession): string {
  return `muster-bridge-${sharing.toLowerCase()}-${index}-of-${of}`;
}

export function memberName({ sharing, of }: Generation, holder: string): string {
  return `muster-member-${sharing.toLowerCase()}-of-${of}-${holder}`;
}

export function parseSessionName(name: string): BridgeSession | undefined {
  const [, sharing, index, of] = /^muster-bridge-(shared|split)-(\d+)-of-(\d+)$/.exec(name) ?? [];
  if (sharing === undefined) return undefined;
  return { sharing: sharing === 'shared' ? 'SHARED' : 'SPLIT', index: Number(index), of: Number(of) };
}

export function sessionsOf(generation: Generation): BridgeSession[] {
  return Array.from({ length: generation.of }, (_, index) => ({ ...generation, index }));
}

/** @param leases all of them, the member lease of `me` included */
export function planSessions(
  leases: readonly Lease[],
  me: string,
  generation: Generation,
  now: number,
): SessionPlan {
  const live = leases.filter(({ expiresAt }) => expiresAt > now);
  const sessions = sessionsOf(generation);
  const holderOf = (session: BridgeSession) => live.find(({ name }) => name === sessionName(session))?.holder;

  const share = Math.ceil(generation.of / membersOf(live, generation));
  const mine = sessions.filter((session) => holderOf(session) === me);
  const free = sessions.filter((session) => holderOf(session) === undefined);
  return {
    take: free.slice(0, Math.max(0, share - mine.length)),
    giveBack: mine.slice(share),
    retire: leases
      .map(({ name }) => parseSessionName(name))
      .find((session) => session && isAbandoned(session, generation, live)),
  };
}

function isAbandoned(session: BridgeSession, current: Generation, live: readonly Lease[]): boolean {
  if (session.sharing === current.sharing && session.of === current.of) return false;
  return !live.some(({ name }) => name === sessionName(session)) && membersOf(live, session) === 0;
}

function membersOf(live: readonly Lease[], generation: Generation): number {
  return live.filter(({ name, holder }) => name === memberName(generation, holder)).length;
}

/** Whether a session serves a thing: always the same one of a generation that splits, so that messages keep their order. */
export function serves({ sharing, index, of }: BridgeSession, thingName: string): boolean {
  return sharing === 'SHARED' || hash(thingName) % of === index;
}

/** FNV-1a, 32 bits: the same in every process and for all time. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
