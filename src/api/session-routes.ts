import { SESSION_COOKIE } from '../contract/routes';
import type { Db } from '../store/database';
import { createSession, endSession, SESSION_MS } from '../store/sessions';
import type { Response } from 'express';
import { csrfTokenOf, requireKey, type Authentication, type KeyCaller } from './auth';
import type { Handlers } from './mount';

type SessionOperation = 'createSession' | 'getSession' | 'deleteSession';

export function sessionRoutes(db: Db, authentication: Authentication): Handlers<SessionOperation> {
  return {
    async createSession({ body, response, location }) {
      const caller = await authentication.signIn(response.req, body);
      const session = await createSession(db, caller.key, Date.now());
      response.cookie(SESSION_COOKIE, session.token, { ...cookieOptions(response), maxAge: SESSION_MS });
      location('/session');
      return toSession({ ...caller, session });
    },

    getSession({ caller }) {
      return Promise.resolve(toSession(requireKey(caller)));
    },

    async deleteSession({ caller, response }) {
      const { session } = requireKey(caller);
      if (session) await endSession(db, session.token);
      response.clearCookie(SESSION_COOKIE, cookieOptions(response));
    },
  };
}

/** No script reads the cookie, and no page of another site makes a browser send it. */
function cookieOptions({ req }: Response) {
  return { httpOnly: true, sameSite: 'strict', path: '/', secure: req.secure } as const;
}

function toSession({ key, name, permissions, session }: KeyCaller) {
  return {
    apiKey: key,
    name,
    permissions,
    csrfToken: session ? csrfTokenOf(session) : null,
    expiresAt: session ? new Date(session.expiresAt).toISOString() : null,
  };
}
