import type { Command } from 'commander';
import { addConfigOptions, loadConfig, type ConfigFlags, type ConfigKey } from '../runtime/config';
import type { Diagnosis, Finding } from '../runtime/doctor';
import { examples, wholeNumber } from './options';
import { printJson, renderTable } from './output';

interface DoctorOptions extends ConfigFlags {
  fix?: boolean;
  json?: boolean;
  examples: number;
}

/** What a process listens on or how it works is nothing to doctor. */
const NOT_ASKED = [
  'roles',
  'httpHost',
  'httpPort',
  'mqttHost',
  'mqttPort',
  'temporalPort',
  'temporalUiPort',
  'temporalUiUrl',
  'apiKey',
] as const satisfies ConfigKey[];

/** `muster doctor` */
export function registerDoctor(program: Command): void {
  const doctor = program
    .command('doctor')
    .description(
      'check what a Muster stands on, compare its store with Temporal, and mend it; configured as serve and up',
    )
    .option('--fix', 'mend what was found; needs a running worker, and does no harm to what goes on')
    .option('--examples <n>', 'how many of each to name', wholeNumber, 5)
    .option('--json', 'print a JSON object instead of a report');
  addConfigOptions(doctor, NOT_ASKED)
    .addHelpText(
      'after',
      `${examples('doctor', 'doctor --fix', 'doctor --json --data-dir /var/lib/muster')}\n\nExit codes: 0 healthy, or mended; 1 something is wrong; 2 wrong usage or configuration.`,
    )
    .action(run);
}

async function run({ fix = false, json, examples, ...flags }: DoctorOptions): Promise<void> {
  const config = loadConfig(process.env, flags);
  // Loaded here, so that the other commands do not pay for it.
  const { diagnose } = await import('../runtime/doctor.js');
  const onProgress = (line: string) => process.stderr.isTTY && console.error(line);
  const diagnosis = await diagnose(config, { fix, examples, onProgress });
  if (json) printJson(diagnosis);
  else printReport(diagnosis, fix);
  if (!diagnosis.healthy) process.exitCode = 1;
}

function printReport({ healthy, checks, findings }: Diagnosis, fix: boolean): void {
  console.log(
    renderTable(checks, [
      { head: 'CHECK', of: ({ name }) => name },
      { head: 'RESULT', of: ({ ok }) => (ok ? 'ok' : 'FAILED') },
      { head: 'DETAIL', of: ({ detail }) => detail },
    ]),
  );
  console.log();
  for (const finding of findings) printFinding(finding, fix);
  if (findings.length === 0) console.log('The store was not compared with Temporal: neither may be missing.');
  const open = findings.filter(({ found, mended }) => found > mended);
  if (healthy) console.log('\nHealthy.');
  else if (open.length > 0 && !fix) console.log('\nmuster doctor --fix mends this.');
  else console.log('\nNot healthy.');
}

function printFinding(finding: Finding, fix: boolean): void {
  const { looksAt, lookedAt, found, mended, problem, remedy } = finding;
  console.log(`${lookedAt} ${looksAt}: ${found === 0 ? 'none' : found} of them ${problem}.`);
  if (found === 0) return;
  for (const example of finding.examples) console.log(`  ${example}`);
  if (finding.examples.length < found) console.log(`  and ${found - finding.examples.length} more`);
  console.log(fix ? `  ${mended} mended: they ${remedy}.` : `  With --fix they ${remedy}.`);
}
