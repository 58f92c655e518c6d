/** Certificates of a test's own, by openssl. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { findOnPath } from '../../src/runtime/temporal-executable';

export interface Certificate {
  certFile: string;
  keyFile: string;
}

export interface Authority {
  caFile: string;
  /** @param name host name in the certificate */
  issue(name: string): Certificate;
}

/** `describe` where there is an openssl; else its tests are skipped, with the line that gets it. */
export function describeWithOpenssl(name: string, tests: () => void): void {
  if (findOnPath('openssl', process.env.PATH)) describe(name, tests);
  else describe.skip(`${name} (no openssl here: apt-get install openssl)`, tests);
}

export function createAuthority(directory: string): Authority {
  const file = (name: string) => path.join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  return {
    caFile: file('ca.pem'),
    issue(name) {
      fs.writeFileSync(file(`${name}.ext`), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
      openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...signing,
        '-extfile',
        `${name}.ext`,
        '-out',
        `${name}.pem`,
      );
      return { certFile: file(`${name}.pem`), keyFile: file(`${name}.key`) };
    },
  };
}
