/** Finds or gets a Temporal executable before the tests, so that none of them has to wait for it. */
import path from 'node:path';
import { findTemporalExecutable } from '../../src/runtime/temporal-executable';

export default async function setUp(): Promise<void> {
  const executable = await findTemporalExecutable(process.env, (line) => console.log(line));
  process.env.PATH = `${path.dirname(executable)}${path.delimiter}${process.env.PATH}`;
}
