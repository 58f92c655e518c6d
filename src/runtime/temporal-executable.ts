import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Runtime } from '@temporalio/worker';
import { version as sdkVersion } from '@temporalio/worker/package.json';
import { endWithUs } from './child-process';
import { ConfigError } from './config';
import { withDeadline } from './deadline';

const run = promisify(execFile);

/** Newer versions need build steps that `go install` does not do. */
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const GO_MINIMUM = 1.25;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const BUILD_LIMIT_MS = 20 * 60_000;

/** Tells the operator, in one line, what goes on. */
export type Progress = (line: string) => void;

/**
 * Path of a `temporal` executable: on the PATH, kept from before, downloaded by the SDK, or built by Go.
 * What is got is kept in the user's cache directory for the next time.
 * @throws ConfigError when there is no way to one.
 */
export async function findTemporalExecutable(env: NodeJS.ProcessEnv, progress: Progress): Promise<string> {
  const onPath = findOnPath('temporal', env.PATH);
  if (onPath) return said(progress, `Temporal: ${onPath}, found on the PATH`, onPath);

  const cache = path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'muster');
  const cached = path.join(cache, 'temporal');
  if (isExecutable(cached)) return said(progress, `Temporal: ${cached}, kept from before`, cached);

  for (const get of [download, build]) {
    const got = await getInto(cache, cached, (directory) => get(directory, env, progress));
    if (got) return said(progress, `Temporal: kept for the next time as ${cached}`, cached);
  }
  throw new ConfigError(
    'Temporal is not on the PATH and could be neither downloaded nor built; install the Temporal CLI ' +
      '(https://docs.temporal.io/cli), or Go 1.25 or newer, or set TEMPORAL_ADDRESS to a Temporal that runs.',
  );
}

function said<T>(progress: Progress, line: string, value: T): T {
  progress(line);
  return value;
}

/** Path of `program` in the directories of a PATH variable. */
export function findOnPath(program: string, searchPath = ''): string | undefined {
  return searchPath
    .split(path.delimiter)
    .filter(Boolean)
    .map((directory) => path.resolve(directory, program))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Works in a directory of its own and moves the result into place at the end, so that a half one is never kept. */
async function getInto(
  cache: string,
  target: string,
  get: (directory: string) => Promise<string | undefined>,
): Promise<boolean> {
  const directory = makeRoomIn(cache);
  const clear = () => fs.rmSync(directory, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    const executable = await get(directory);
    if (executable) fs.renameSync(executable, target);
    return executable !== undefined;
  } finally {
    process.off('exit', clear);
    clear();
  }
}

/** @throws ConfigError where nothing can be kept there */
function makeRoomIn(cache: string): string {
  try {
    fs.mkdirSync(cache, { recursive: true });
    return fs.mkdtempSync(path.join(cache, '.get-'));
  } catch (error) {
    throw new ConfigError(
      `Temporal can't be kept in ${cache} (${(error as NodeJS.ErrnoException).code}): let this user write there, ` +
        'or put the executable `temporal` on the PATH.',
    );
  }
}

/** The SDK downloads only to start a server at once: it starts one in memory, which is stopped again. */
async function download(
  directory: string,
  _env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<string | undefined> {
  progress('Temporal: not on the PATH, downloading it');
  const stopClock = showElapsed('Temporal: downloading', progress);
  try {
    const runtime = Runtime.instance();
    const server = await withDeadline(
      runtime.createEphemeralServer({
        type: 'dev-server',
        exe: {
          type: 'cached-download',
          downloadDir: directory,
          version: 'default',
          ttl: 0,
          sdkName: 'sdk-typescript',
          sdkVersion,
        },
        namespace: 'default',
        ip: '127.0.0.1',
        port: null,
        ui: false,
        uiPort: null,
        dbFilename: null,
        log: { format: 'pretty', level: 'error' },
        extraArgs: [],
      }),
      DOWNLOAD_LIMIT_MS,
      'the download',
    );
    await runtime.shutdownEphemeralServer(server);
    const name = fs.readdirSync(directory).find((entry) => entry.startsWith('temporal'));
    return name && path.join(directory, name);
  } catch (error) {
    progress(`Temporal: can't be downloaded (${innermost(error)})`);
    return undefined;
  } finally {
    stopClock();
  }
}

async function build(
  directory: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<string | undefined> {
  const version = await goVersion(env);
  if (!version || version < GO_MINIMUM) {
    progress(`Temporal: can't be built, that needs Go ${GO_MINIMUM} or newer on the PATH`);
    return undefined;
  }
  progress('Temporal: building it with Go, once; this takes some minutes');
  const stopClock = showElapsed('Temporal: building', progress);
  try {
    const go = spawn('go', ['install', GO_PACKAGE], {
      env: { ...env, GOBIN: directory },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: BUILD_LIMIT_MS,
    });
    endWithUs(go);
    let lastLine = '';
    go.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastLine = text.trim().split('\n').at(-1) ?? lastLine;
    });
    const [exitCode] = (await once(go, 'exit')) as [number | null];
    if (exitCode === 0) return path.join(directory, 'temporal');
    progress(`Temporal: can't be built (${lastLine})`);
    return undefined;
  } finally {
    stopClock();
  }
}

/** The Go on the PATH as a number such as 1.26; undefined without one. */
async function goVersion(env: NodeJS.ProcessEnv): Promise<number | undefined> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION'], { env, timeout: 10_000 });
    return Number(/^go(\d+\.\d+)/.exec(stdout)?.[1]);
  } catch {
    return undefined;
  }
}

function showElapsed(what: string, progress: Progress): () => void {
  const startedAt = Date.now();
  const clock = setInterval(
    () => progress(`${what}, ${Math.round((Date.now() - startedAt) / 1000)} s`),
    10_000,
  );
  return () => clearInterval(clock);
}

/** The innermost of the causes that the SDK strings together. */
function innermost(error: unknown): string {
  return (
    String(error instanceof Error ? error.message : error)
      .split(': ')
      .at(-1) ?? ''
  );
}
