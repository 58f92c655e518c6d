import path from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../runtime/config';
import { examples } from './options';

/** `muster backup` */
export function registerBackup(program: Command): void {
  program
    .command('backup <directory>')
    .description('copy the databases of a data directory as they stand now, also while Muster runs on it')
    .option('--data-dir <dir>', 'the data directory (default: MUSTER_DATA_DIR or .muster)')
    .addHelpText(
      'after',
      '\nStart Muster on the copy to restore it. Sessions of devices are not in it, nor is a store in PostgreSQL:\n' +
        'for that there is pg_dump.\n' +
        examples('backup /var/backups/muster-monday'),
    )
    .action(async (directory: string, flags: { dataDir?: string }) => {
      // Loaded here, so that the other commands do not pay for the databases.
      const { backUp } = await import('../runtime/backup.js');
      const written = await backUp(loadConfig(process.env, flags).dataDir, path.resolve(directory));
      for (const file of written) console.log(file);
    });
}
