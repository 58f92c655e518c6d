/** Serves the web console as it was built: its page at every path of its own, its files by their names. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { Router, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';

/** Stands in the page where the nonce of the answer belongs. */
const NONCE_PLACEHOLDER = '__CSP_NONCE__';
/** Paths of others: what is not there is not found. */
const NOT_OF_THE_CONSOLE = /^\/(api|docs|openapi\.json|metrics|healthz|readyz|assets)(\/|$)/;
/** As the build writes them beside each file, the smallest first. */
const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;

const NOT_BUILT = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Muster</title></head>
  <body>
    <h1>Muster</h1>
    <p>The web console is not built. Run <code>npm run build</code>, then load this page again.</p>
    <p><a href="/docs">The REST API</a> is there.</p>
  </body>
</html>
`;

declare module 'express-serve-static-core' {
  interface Locals {
    nonce?: string;
  }
}

/** @param directory where the build of the console lies */
export function consoleRouter(directory: string): Router {
  const router = Router({ caseSensitive: true });
  const page = servePage(path.join(directory, 'index.html'));
  router.use('/assets', precompressed(path.join(directory, 'assets')));
  router.use(
    '/assets',
    express.static(path.join(directory, 'assets'), { index: false, immutable: true, maxAge: '1y' }),
  );
  router.get(['/', '/index.html'], ...page);
  router.use(express.static(directory, { index: false, redirect: false, maxAge: '1h' }));
  router.get(
    '/*path',
    (req, _res, next) => {
      const asksForPage = !NOT_OF_THE_CONSOLE.test(req.path) && req.get('accept')?.includes('text/html');
      next(asksForPage ? undefined : 'route');
    },
    ...page,
  );
  return router;
}

function servePage(file: string): RequestHandler[] {
  const send: RequestHandler = async (_req, res) => {
    res.set('Cache-Control', 'no-cache').type('html');
    const page = await readFile(file, 'utf8').catch(() => undefined);
    if (page === undefined) res.status(503).send(NOT_BUILT);
    else res.send(page.replaceAll(NONCE_PLACEHOLDER, res.locals.nonce!));
  };
  return [newNonce, contentSecurityPolicy(), send];
}

const newNonce: RequestHandler = (_req, res, next) => {
  res.locals.nonce = randomBytes(16).toString('base64');
  next();
};

/** Nothing but the console's own, and styles that its own scripts put into the page. */
function contentSecurityPolicy(): RequestHandler {
  const nonce = (_req: unknown, res: unknown) => `'nonce-${(res as Response).locals.nonce}'`;
  return helmet.contentSecurityPolicy({
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", nonce],
      imgSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      frameAncestors: ["'none'"],
      baseUri: ["'self'"],
      formAction: ["'self'"],
      objectSrc: ["'none'"],
    },
  });
}

/** The smaller file that lies beside the one asked for, where the client can read it. */
function precompressed(directory: string): RequestHandler {
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next();
    res.vary('Accept-Encoding');
    const accepted = req.acceptsEncodings();
    sendFirst(ENCODINGS.filter(({ name }) => accepted.includes(name)));

    function sendFirst([encoding, ...others]: readonly (typeof ENCODINGS)[number][]): void {
      if (!encoding) return next();
      res.type(path.extname(req.path)).set('Content-Encoding', encoding.name);
      const options = { root: directory, immutable: true, maxAge: '1y' };
      res.sendFile(`${req.path}${encoding.suffix}`, options, (error?: Error) => {
        if (!error || res.headersSent) return;
        res.removeHeader('Content-Encoding');
        res.removeHeader('Content-Type');
        sendFirst(others);
      });
    }
  };
}
