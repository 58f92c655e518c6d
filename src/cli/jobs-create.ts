import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Job } from './bodies';
import type { JsonText } from '../domain/json-text';
import { UsageError } from './failures';
import { readDocument, readJob } from './files';
import { watchJob } from './jobs-watch';
import { clientCommand, clientFor, collect, examples, positiveNumber, type ClientOptions } from './options';
import { printJson } from './output';
import { statusInWords } from './progress';

interface JobFlags {
  name?: string;
  description?: string;
  continuous?: boolean;
  group?: string[];
  thing?: string[];
  document?: string;
  timeoutMinutes?: number;
}

interface CreateOptions extends ClientOptions, JobFlags {
  wait?: boolean;
  idempotencyKey?: string;
}

/** `muster jobs create` */
export function registerCreateJob(jobs: Command): void {
  clientCommand(
    jobs,
    'create [file]',
    'create a job from a file (- for standard input), from options, or from both',
  )
    .option('--group <name>', 'a thing group that it is for (repeatable)', collect)
    .option('--thing <name>', 'a thing that it is for (repeatable)', collect)
    .option('--document <file>', 'a file (- for standard input) with the JSON object that the devices get')
    .option('--name <name>', 'what to call it')
    .option('--description <text>', 'what it is for')
    .option('--continuous', 'also for things that join a group later')
    .option('--timeout-minutes <n>', 'how long a device may take once it has begun', positiveNumber)
    .option('--idempotency-key <key>', 'the same key again gives the first job again instead of a second one')
    .option('--wait', 'follow it until it is at an end, like "jobs watch"')
    .addHelpText(
      'after',
      '\nThe file holds the body of POST /api/v1/jobs; an option stands over the same field of the file.\n' +
        examples(
          'jobs create firmware.json --wait',
          'jobs create --group "com.example.thermostat (default)" --document update.json --name "Firmware 2.1.5"',
          'jobs create --thing boiler-7 --document - <<< \'{"action":"reboot"}\'',
        ),
    )
    .action(create);
}

async function create(file: string | undefined, options: CreateOptions): Promise<void> {
  const body = jobBody(file === undefined ? {} : readJob(file), options, readDocument);
  const client = clientFor(options);
  // Even a command repeated by a proxy makes one job.
  const headers = { 'idempotency-key': options.idempotencyKey ?? randomUUID() };
  const job = await client.post<Job>('/jobs', body, headers);
  if (!options.wait && options.json) return printJson(job);
  if (!options.json) console.log(options.wait ? `Job ${job.jobId}` : job.jobId);
  if (options.wait) return watchJob(client, job.jobId, options.json);
  // Beside the output, which is the id for whatever goes on with it.
  console.error(`The job is ${statusInWords(job)}. Follow it with: muster jobs watch ${job.jobId}`);
}

/** The body of `POST /jobs`: that of the file, with what the options say in place of it. @throws UsageError */
export function jobBody(
  file: Record<string, unknown>,
  flags: JobFlags,
  read: (file: string) => JsonText,
): Record<string, unknown> {
  const { name, description, continuous, group, thing, document, timeoutMinutes } = flags;
  const body = {
    ...file,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(continuous && { jobType: 'CONTINUOUS' }),
    ...((group || thing) && { targets: { thingGroupNames: group, thingNames: thing } }),
    ...(document !== undefined && { document: read(document) }),
    ...(timeoutMinutes !== undefined && { timeoutConfig: { inProgressTimeoutInMinutes: timeoutMinutes } }),
  };
  if (!('targets' in body))
    throw new UsageError('The job is for nobody: give a file with targets, --group or --thing.');
  if (!('document' in body))
    throw new UsageError('The job says nothing: give a file with a document, or --document.');
  return body;
}
