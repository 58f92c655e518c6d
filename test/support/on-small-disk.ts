/** Tests on a file system of their own. */
import { makeSmallDisk } from '../topology/small-disk';

export { makeSmallDisk, type SmallDisk } from '../topology/small-disk';

function mayMount(): boolean {
  try {
    makeSmallDisk(1).remove();
    return true;
  } catch {
    return false;
  }
}

/** `test`, or a skipped one that says how to run it. */
export const testOnSmallDisk: jest.It = (() => {
  if (mayMount()) return test;
  console.warn('Skipped: needs to mount a file system; run the tests as root, as .ci/run does.');
  return test.skip;
})();
