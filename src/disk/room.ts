/** Whether a directory can be written to, found out by writing: quotas and read-only mounts tell nobody in advance. */
import fs from 'node:fs';
import path from 'node:path';

const PROBE = '.room';

/**
 * Takes so much room in the directory and gives it back. What is given back at once is hardly ever written to a disk.
 * @param bytes how much
 * @throws what the operating system says where the room is not there, or the directory can't be written
 */
export function requireRoom(directory: string, bytes: number): void {
  const file = path.join(directory, PROBE);
  try {
    const probe = fs.openSync(file, 'w', 0o600);
    try {
      const block = Buffer.alloc(bytes);
      // A disk that is almost full takes a part of it, and says why it takes no more only when asked again.
      for (let written = 0; written < bytes;) written += fs.writeSync(probe, block, written);
    } finally {
      fs.closeSync(probe);
    }
  } finally {
    fs.rmSync(file, { force: true });
  }
}
