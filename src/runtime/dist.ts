import path from 'node:path';

const ROOT = path.resolve(__dirname, '../..');

/** The directory of the compiled code, in which this file stands; tests run from the sources beside it. */
export const DIST = path.basename(ROOT) === 'dist' ? ROOT : path.join(ROOT, 'dist');
