import { Refused, Unreachable } from '../api/client';

export interface Explanation {
  title: string;
  /** What happened and what to do. */
  detail: string;
}

/** An error in words for people. */
export function explain(error: unknown): Explanation {
  if (error instanceof Unreachable) {
    return {
      title: 'Muster does not answer',
      detail: 'Check that it runs and that this machine reaches it. This page goes on when it is back.',
    };
  }
  if (error instanceof Refused && error.code === 'Forbidden') {
    return {
      title: 'Not permitted',
      detail: `${error.detail} Sign in with a key that does, or ask whoever gave you this one.`,
    };
  }
  if (error instanceof Refused) return { title: error.title, detail: error.detail };
  return { title: 'The console failed', detail: error instanceof Error ? error.message : String(error) };
}
