/** The REST API and the web console as an Express application. */
import type { PayloadCodec } from '@temporalio/common';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { version } from '../../package.json';
import { MusterError } from '../contract/errors';
import { API_ROOT } from '../contract/routes';
import type { DeviceService } from '../devices/service';
import type { DeviceSessions } from '../mqtt/broker';
import { allowOrigin, codecRoutes } from './codec-routes';
import { apiKeyRoutes } from './api-key-routes';
import { createAuthentication, isRead, type Authentication } from './auth';
import { consoleRouter } from './console';
import { brokerRoutes } from './broker-routes';
import { deviceRoutes } from './device-routes';
import { docsRouter } from './docs';
import type { JobCommands } from './job-commands';
import { jobRoutes } from './job-routes';
import { admissionOf, mountRoutes } from './mount';
import { notFound, problemHandler } from './problems';
import { sessionRoutes } from './session-routes';
import { statusRoutes, type StatusDeps } from './status-routes';
import { thingGroupRoutes, thingRoutes, thingTypeRoutes } from './registry-routes';

export interface Readiness {
  ready: boolean;
  /** By part: `ok`, or what is wrong with it. */
  checks: Record<string, string>;
}

/** What those who run a Muster process ask it. */
export interface OperationsDeps {
  health: { checkReady(): Promise<Readiness> };
  metrics: { render(): Promise<string>; readonly contentType: string };
  log: Logger;
}

export interface ApiDeps extends OperationsDeps, StatusDeps {
  commands: JobCommands;
  devices: DeviceService;
  /** Proxies before this process: how many addresses of `X-Forwarded-For` to believe. */
  proxies: number;
  /** Where the web console was built. */
  consoleDir: string;
  /** Of everything that goes to Temporal. */
  codec: PayloadCodec;
  /** Of things at the embedded broker, where that is in this process. */
  sessions?: DeviceSessions;
}

/** Everything. */
export function createApi(deps: ApiDeps): Express {
  const authentication = createAuthentication(deps.db);
  const app = createApp(deps);
  app.set('trust proxy', deps.proxies);
  app.use(docsRouter(version));
  const { topicPrefixes } = deps.about.mqtt;
  app.use('/mqtt', noStore, brokerRoutes({ db: deps.db, authentication, topicPrefixes }));
  const { uiUrl } = deps.about.temporal;
  if (uiUrl) app.use(`${API_ROOT}/codec`, allowOrigin(new URL(uiUrl).origin));
  app.use(API_ROOT, noStore, authentication.admit(admissionOf), routes(deps, authentication));
  app.use(consoleRouter(deps.consoleDir));
  return closed(app, deps.log);
}

/** Health and metrics alone, for a process that has no REST API. */
export function createOperations(deps: OperationsDeps): Express {
  return closed(createApp(deps), deps.log);
}

/** The same for a process that can't do its part yet; whoever asks for more may come back. */
export function createWaiting(deps: OperationsDeps): Express {
  const app = createApp(deps);
  app.use(() => {
    throw new MusterError(
      'ServiceUnavailable',
      'Muster has not started yet; /readyz says what it waits for.',
    );
  });
  app.use(problemHandler(deps.log));
  return app;
}

function createApp(deps: OperationsDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(requestLog(deps.log));
  app.use(securityHeaders());
  app.use(operations(deps));
  return app;
}

/** What nothing before it has served is not there; what went wrong is answered. */
function closed(app: Express, log: Logger): Express {
  app.use((req) => {
    throw notFound(req.path);
  });
  app.use(problemHandler(log));
  return app;
}

function routes(deps: ApiDeps, authentication: Authentication) {
  return mountRoutes({
    ...jobRoutes(deps),
    ...thingRoutes(deps),
    ...thingTypeRoutes(deps),
    ...thingGroupRoutes(deps),
    ...apiKeyRoutes(deps.db),
    ...sessionRoutes(deps.db, authentication),
    ...statusRoutes(deps),
    ...codecRoutes(deps.codec),
    ...deviceRoutes(deps),
  });
}

/** What those who run Muster look at; no key needed. */
function operations({ health, metrics }: OperationsDeps): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    const readiness = await health.checkReady();
    res.status(readiness.ready ? 200 : 503).json(readiness);
  });
  router.get('/metrics', async (_req, res) => {
    res.type(metrics.contentType).send(await metrics.render());
  });
  return router;
}

/** Answers hold secrets and states that are old in a moment. */
const noStore: express.RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

/** Muster speaks plain HTTP; whoever puts TLS before it says so to browsers there. */
function securityHeaders() {
  return helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
}

/** One line for each request, without headers: they hold secrets. */
function requestLog(logger: Logger) {
  return pinoHttp({
    logger,
    // What was changed or refused is told; watching and reading would drown it.
    customLogLevel: (req, res) => (isRead(req.method) && res.statusCode < 400 ? 'debug' : 'info'),
    serializers: {
      req: ({ method, url }: { method: string; url: string }) => ({ method, url }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    // The fault itself is logged where it is made into an answer.
    customErrorObject: (_req, _res, _error, { err: _err, ...line }: Record<string, unknown>) => line,
  });
}
