/** Which release's code a workflow follows: what an earlier one began is open for months and goes on as it began. */
import { patched } from '@temporalio/workflow';

/** Pages are launched in portions, and a job's own steps are local activities. */
export const isAfter010 = () => patched('after-0.1.0');
