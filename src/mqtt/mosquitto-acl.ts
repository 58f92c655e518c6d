/** Access rules for mosquitto: the ones of topics.ts, as far as its file of rules can say them. */
import { answerFilters, requestFilters } from './topics';

/**
 * The user name of a thing is its own name. Whatever is not named here is denied.
 * @param user whom Muster is at the broker
 * @returns a file for `acl_file`
 */
export function mosquittoAcl(prefixes: readonly string[], user: string): string {
  const lines = [
    '# Access rules of Muster for mosquitto (acl_file).',
    '',
    '# Muster: takes all requests, sends all answers, and tells mosquitto from other brokers.',
    `user ${user}`,
    ...prefixes.map((prefix) => `topic readwrite ${prefix}/#`),
    'topic read $SYS/broker/version',
    '',
    '# A thing: its own requests, answers and notifications. %u is its user name, which is its name.',
    '# It may subscribe to all below jobs: its own requests do not come back to it.',
    ...requestFilters(prefixes).map((filter) => `pattern write ${ofUser(filter)}`),
    ...answerFilters(prefixes).map((filter) => `pattern read ${ofUser(filter)}`),
  ];
  return `${lines.join('\n')}\n`;
}

const ofUser = (filter: string) => filter.replace('/+/jobs/', '/%u/jobs/');
