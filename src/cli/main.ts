#!/usr/bin/env node
import { Command } from 'commander';
import { version } from '../../package.json';
import { exceptLoopback } from '../domain/proxies';
import { registerBackup } from './backup';
import { registerDemo } from './demo';
import { registerDoctor } from './doctor';
import { exitCodeOf } from './failures';
import { registerGroups } from './groups';
import { registerJobs } from './jobs';
import { registerKeys } from './keys';
import { examples } from './options';
import { registerMosquittoAcl } from './mosquitto-acl';
import { registerSimulate } from './simulate';
import { registerThings } from './things';
import { registerTypes } from './types';
import { registerServe, registerUp } from './up';

/** The `muster` command with everything it can do. */
function musterCommand(): Command {
  const program = new Command('muster')
    .description(
      'Device jobs that finish: run one operation on many devices and see it through on each of them.',
    )
    .version(version)
    .showHelpAfterError('Add --help to see what it takes.')
    .addHelpText(
      'after',
      examples('demo', 'up', 'simulate --devices 20', 'jobs create firmware.json --wait') +
        '\n\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration.',
    )
    // Its own exit code for wrong usage is 1.
    .exitOverride();
  const registrations = [
    registerUp,
    registerServe,
    registerDoctor,
    registerDemo,
    registerBackup,
    registerSimulate,
    registerJobs,
    registerThings,
    registerTypes,
    registerGroups,
    registerKeys,
    registerMosquittoAcl,
  ];
  for (const register of registrations) register(program);
  return program;
}

async function main(): Promise<void> {
  Object.assign(process.env, exceptLoopback(process.env));
  try {
    await musterCommand().parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

void main();
