import { Option, type Command } from 'commander';
import { EXECUTION_STATUSES, JOB_STATUSES, JOB_TYPES, TARGET_STATES } from '../domain/statuses';
import type { Execution, ExecutionDetail, Job, JobSummary, Target, Transition } from './bodies';
import { segment, type Query } from './client';
import { registerCreateJob } from './jobs-create';
import { watchJob } from './jobs-watch';
import { clientCommand, clientFor, examples, listCommand, type ClientOptions } from './options';
import { pairs, printJson, printPage, renderFacts, renderTable, say, when, type Column } from './output';
import { statusCounts, statusInWords } from './progress';

interface CancelOptions extends ClientOptions {
  force?: boolean;
  reasonCode?: string;
  comment?: string;
}

/** Of the targets of a job, which may be thousands. */
const NAMES_SHOWN = 10;

const JOB_COLUMNS: Column<JobSummary>[] = [
  { head: 'JOB', of: (job) => job.jobId },
  { head: 'NAME', of: (job) => job.name },
  { head: 'TYPE', of: (job) => job.jobType },
  { head: 'STATUS', of: (job) => statusInWords(job) },
  { head: 'TARGETS', of: ({ targets }) => [targets.thingCount, ...targets.thingGroupNames].join(', ') },
  { head: 'EXECUTIONS', of: (job) => statusCounts(job.executionCounts).join(' ') },
  { head: 'CREATED (UTC)', of: (job) => when(job.createdAt) },
];

export const EXECUTION_COLUMNS: Column<Execution>[] = [
  { head: 'THING', of: (execution) => execution.thingName },
  { head: 'STATUS', of: (execution) => execution.status },
  { head: 'DETAILS', of: (execution) => pairs(execution.statusDetails) },
  { head: 'ATTEMPT', of: (execution) => execution.executionNumber },
  { head: 'QUEUED (UTC)', of: (execution) => when(execution.queuedAt) },
  { head: 'STARTED', of: (execution) => when(execution.startedAt) },
  { head: 'FINISHED', of: (execution) => when(execution.finishedAt) },
];

const TARGET_COLUMNS: Column<Target>[] = [
  { head: 'THING', of: (target) => target.thingName },
  { head: 'STATE', of: (target) => target.state },
];

const TRANSITION_COLUMNS: Column<Transition>[] = [
  { head: 'AT (UTC)', of: (transition) => when(transition.at) },
  { head: 'ATTEMPT', of: (transition) => transition.executionNumber },
  { head: 'VERSION', of: (transition) => transition.versionNumber },
  { head: 'FROM', of: (transition) => transition.from },
  { head: 'TO', of: (transition) => transition.to },
  { head: 'BY', of: (transition) => transition.by },
  { head: 'WHY', of: (transition) => transition.reason },
  { head: 'DETAILS', of: (transition) => pairs(transition.statusDetails) },
];

/** `muster jobs …` */
export function registerJobs(program: Command): void {
  const jobs = program.command('jobs').description('create jobs and see them through');
  registerCreateJob(jobs);
  registerReading(jobs);
  registerEnding(jobs);
}

function registerReading(jobs: Command): void {
  listCommand(jobs, 'list', 'list jobs, the newest first')
    .addOption(choice('--status <status>', 'in this status', JOB_STATUSES))
    .addOption(choice('--type <type>', 'of this type', JOB_TYPES))
    .option('--name <text>', 'with this in their name, in upper or lower case')
    .addHelpText('after', examples('jobs list --status IN_PROGRESS', 'jobs list --name firmware --json'))
    .action(list);

  clientCommand(jobs, 'show <job>', 'show one job')
    .addHelpText('after', examples('jobs show 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11'))
    .action(show);

  listCommand(jobs, 'executions <job>', 'list what has become of a job on each of its things')
    .addOption(choice('--status <status>', 'in this status', EXECUTION_STATUSES))
    .option('--search <text>', 'on things with this in their name, in upper or lower case')
    .option('--thing <prefix>', 'on things whose name begins with this, exactly')
    .addHelpText('after', examples('jobs executions 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11 --status FAILED'))
    .action(executions);

  listCommand(
    jobs,
    'targets <job>',
    'list the things that a job is for, in the order in which they are launched',
  )
    .addOption(choice('--state <state>', 'in this state', TARGET_STATES))
    .addHelpText(
      'after',
      '\nWAITING to be launched, LAUNCHED, or NOT_LAUNCHED because the job was over before.\n' +
        examples('jobs targets 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11 --state NOT_LAUNCHED'),
    )
    .action(listTargets);

  clientCommand(jobs, 'execution <job> <thing>', 'show one execution and how it got where it is')
    .addHelpText('after', examples('jobs execution 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11 boiler-7'))
    .action(execution);

  clientCommand(jobs, 'watch <job>', 'follow a job until it is at an end')
    .addHelpText(
      'after',
      '\nIt also waits while the executions of a canceled job are being canceled.\nExit code 0 when it is COMPLETED and no execution failed, was rejected, timed out or was canceled.\n' +
        examples('jobs watch 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11'),
    )
    .action((job: string, options: ClientOptions) => watchJob(clientFor(options), job, options.json));
}

function registerEnding(jobs: Command): void {
  cancelOptions(clientCommand(jobs, 'cancel <job>', 'cancel a job: no device gets it any more'))
    .option('--force', 'also where a device is at work on it')
    .addHelpText(
      'after',
      examples(
        'jobs cancel 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11 --reason-code USER_CANCEL --comment "bad image"',
      ),
    )
    .action((job: string, options: CancelOptions) => cancel(`/jobs/${segment(job)}/cancel`, options));

  cancelOptions(clientCommand(jobs, 'cancel-execution <job> <thing>', 'cancel a job for one thing'))
    .option('--force', 'although the device is at work on it')
    .addHelpText(
      'after',
      examples('jobs cancel-execution 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11 boiler-7 --force'),
    )
    .action((job: string, thing: string, options: CancelOptions) =>
      cancel(`/jobs/${segment(job)}/executions/${segment(thing)}/cancel`, options),
    );

  clientCommand(jobs, 'delete <job>', 'delete a job and all its execution records')
    .option('--force', 'although it is not at an end')
    .addHelpText('after', examples('jobs delete 0b3c3b9e-5b0e-4c57-9f0c-3a3c1f7a6d11'))
    .action(async (job: string, options: CancelOptions) => {
      await clientFor(options).delete(`/jobs/${segment(job)}`, { force: options.force });
      say(options, `Job ${job} is being deleted.`);
    });
}

function cancelOptions(command: Command): Command {
  return command
    .option('--reason-code <CODE>', 'why, for programs: upper-case letters, digits and _')
    .option('--comment <text>', 'why, for people');
}

function choice(flags: string, description: string, values: readonly string[]) {
  return new Option(flags, description).choices(values);
}

async function list(
  options: ClientOptions & { status?: string; type?: string; name?: string; limit: number },
) {
  const { status, type: jobType, name, limit } = options;
  const query: Query = { status, jobType, name };
  printPage(await clientFor(options).list<JobSummary>('/jobs', query, limit), JOB_COLUMNS, options.json);
}

async function listTargets(
  jobId: string,
  options: ClientOptions & { state?: string; limit: number },
): Promise<void> {
  const { state, limit } = options;
  const page = await clientFor(options).list<Target>(`/jobs/${segment(jobId)}/targets`, { state }, limit);
  printPage(page, TARGET_COLUMNS, options.json);
}

async function show(jobId: string, options: ClientOptions): Promise<void> {
  const job = await clientFor(options).get<Job>(`/jobs/${segment(jobId)}`);
  if (options.json) return printJson(job);
  console.log(
    renderFacts({
      Job: job.jobId,
      Name: job.name,
      Type: job.jobType,
      Status: statusInWords(job),
      Description: job.description,
      Targets: targets(job),
      Document: job.document.text,
      Timeouts: timeouts(job.timeoutConfig),
      'Reason code': job.reasonCode,
      Comment: job.comment,
      Created: when(job.createdAt),
      Completed: when(job.completedAt),
      Executions: statusCounts(job.executionCounts).join('  '),
    }),
  );
}

function targets({ targets: { thingNames, thingGroupNames }, targetCounts: { total } }: Job): string {
  const names = [...thingGroupNames, ...thingNames];
  const more = names.length > NAMES_SHOWN ? ', …' : '';
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more} (${things(total)})`;
}

const things = (n: number) => (n === 1 ? '1 thing' : `${n.toLocaleString('en')} things`);

function timeouts({ inProgressTimeoutInMinutes, queuedTimeoutInMinutes }: Job['timeoutConfig']): string {
  return [
    queuedTimeoutInMinutes && `${queuedTimeoutInMinutes} min queued`,
    inProgressTimeoutInMinutes && `${inProgressTimeoutInMinutes} min in progress`,
  ]
    .filter(Boolean)
    .join(', ');
}

async function executions(
  jobId: string,
  options: ClientOptions & { status?: string; search?: string; thing?: string; limit: number },
): Promise<void> {
  const { status, search, thing: thingName, limit } = options;
  const page = await clientFor(options).list<Execution>(
    `/jobs/${segment(jobId)}/executions`,
    { status, search, thingName },
    limit,
  );
  printPage(page, EXECUTION_COLUMNS, options.json);
}

async function execution(jobId: string, thingName: string, options: ClientOptions): Promise<void> {
  const found = await clientFor(options).get<ExecutionDetail>(
    `/jobs/${segment(jobId)}/executions/${segment(thingName)}`,
  );
  if (options.json) return printJson(found);
  console.log(`${renderTable([found], EXECUTION_COLUMNS)}\n`);
  console.log(renderTable(found.transitions, TRANSITION_COLUMNS));
}

async function cancel(path: string, options: CancelOptions): Promise<void> {
  const { force, reasonCode, comment } = options;
  const answer = await clientFor(options).post<{ status: string }>(path, { force, reasonCode, comment });
  if (options.json) printJson(answer);
  else console.log(`It is ${answer.status}.`);
}
