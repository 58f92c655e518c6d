import pino, { type Logger } from 'pino';
import type { Logger as TemporalLogger, LogLevel, LogMetadata } from '@temporalio/worker';
import type { Config } from './config';

/** Never written to a log, wherever they stand in what is logged. */
const SECRET_FIELDS = ['authorization', 'password', 'secret', 'apiSecret', 'apiKey', 'token'];
/** Of lines that the log can't take just now. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
const REDACTED = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LoggerOptions {
  /** Default: standard error. */
  destination?: pino.DestinationStream;
  /** Whether an error is but a consequence of what was told already: then it is for those who debug. */
  isKnown?: (error: unknown) => boolean;
}

/**
 * The log of the process: JSON lines on stderr, readable lines where stderr is a terminal.
 * Standard output is left to what a person asked for.
 */
export function createLogger(
  level: Config['logLevel'],
  { destination = standardError(), isKnown = () => false }: LoggerOptions = {},
): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // What went wrong; where in the code is for those who debug.
    serializers: {
      err: (error: Error) =>
        log.isLevelEnabled('debug') ? pino.stdSerializers.err(error) : withoutStack(error),
    },
    hooks: {
      logMethod(args, method, atLevel) {
        const { err } = (args[0] ?? {}) as { err?: unknown };
        if (atLevel > pino.levels.values.debug! && err !== undefined && isKnown(err)) this.debug(...args);
        else method.apply(this, args);
      },
    },
    redact: { paths: REDACTED, censor: '[redacted]' },
  };
  const log = pino(options, destination);
  return log;
}

/**
 * SIGUSR2 switches the log to `debug` and back (from `debug` to `info` and back), so that a process can be looked into
 * without a restart.
 * @returns stops listening
 */
export function switchLevelOnSignal(log: Logger): () => void {
  const configured = log.level;
  const other = configured === 'debug' ? 'info' : 'debug';
  const onSignal = () => {
    log.level = log.level === configured ? other : configured;
    log.warn(`The log level is ${log.level} now`);
  };
  process.on('SIGUSR2', onSignal);
  return () => void process.off('SIGUSR2', onSignal);
}

function standardError(): pino.DestinationStream {
  const stderr = pino.destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  // The log may lie on a disk that is full: lines are kept up to the limit, and nothing ends over it.
  stderr.on('error', () => undefined);
  return process.stderr.isTTY ? { write: (line) => stderr.write(readable(line)) } : stderr;
}

function withoutStack(error: Error): object {
  const { type, message, code } = pino.stdSerializers.err(error) as {
    type: string;
    message: string;
    code?: unknown;
  };
  return { type, message, code };
}

/** `13:49:45 warn  Temporal stopped  exitCode=1` */
function readable(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${asText(value)}`);
  if (err) rest.push(`error=${asText((err as { message?: string }).message)}`);
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${[asText(msg), ...rest].join('  ')}\n`;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The job and the thing that a workflow id speaks of, as log fields. */
export function workflowFields(workflowId: unknown): { jobId?: string; thingName?: string } {
  if (typeof workflowId !== 'string') return {};
  const [, jobId, thingName] = /^job\/([^/]+)(?:\/thing\/(.+))?/.exec(workflowId) ?? [];
  return { ...(jobId && { jobId }), ...(thingName && { thingName }) };
}

/** Of a worker's pollers, each of which tells how often it has tried in vain. */
const RETRIES = 'temporalio_client::retry';
const RETRIES_TOLD_EVERY_MS = 60_000;

/** Temporal's own log in the log of the process. */
export function temporalLogger(logger: Logger): TemporalLogger {
  let retriesTold = -Infinity;
  function isChatter(level: LogLevel, meta?: LogMetadata): boolean {
    // Its every step of starting and stopping is news to nobody.
    if (level === 'INFO' && meta?.sdkComponent === 'worker') return true;
    if (meta?.target !== RETRIES) return false;
    const isNews = Date.now() - retriesTold >= RETRIES_TOLD_EVERY_MS;
    if (isNews) retriesTold = Date.now();
    return !isNews;
  }
  const log = (level: LogLevel, message: string, meta?: LogMetadata) => {
    const method = isChatter(level, meta) ? 'debug' : (level.toLowerCase() as Lowercase<LogLevel>);
    if (!logger.isLevelEnabled(method)) return;
    const { error, ...fields } = meta ?? {};
    logger[method](
      {
        ...fields,
        ...workflowFields(fields.workflowId),
        ...(error !== undefined && { err: error as unknown }),
      },
      message,
    );
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
