/** Many at once: canceling, deleting, joining, registering. */
import type { Row, Scale } from './scale';
import { startSubject, type Subject } from './subject';
import { limitFor, untilAll, waitFor } from './wait';

interface Job {
  jobId: string;
}

export async function measureBulk({ registered, bulk }: Scale) {
  const subject = await startSubject();
  try {
    const result = {
      register: await seconds(() => subject.register('thing', registered)),
      ...(await cancelAndDelete(subject, bulk)),
      join: await join(subject, bulk),
    };
    const rows: Row[] = [
      { what: `register ${registered}`, value: `${result.register.toFixed(1)} s` },
      { what: `cancel ${bulk}`, value: `${result.cancel.toFixed(1)} s`, note: 'until all are CANCELED' },
      { what: `delete ${bulk}`, value: `${result.delete.toFixed(1)} s`, note: 'until the job is gone' },
      {
        what: `${bulk} join a continuous job`,
        value: `${result.join.toFixed(1)} s`,
        note: 'until all are QUEUED',
      },
    ];
    return { title: 'Bulk', rows, result };
  } finally {
    await subject.stop();
  }
}

async function cancelAndDelete(subject: Subject, count: number) {
  const { jobId } = await subject.call<Job>('POST', '/jobs', {
    targets: { thingNames: names(count) },
    document: {},
  });
  await untilAll(subject, jobId, 'QUEUED', count);
  const cancel = await seconds(async () => {
    await subject.call('POST', `/jobs/${jobId}/cancel`, {});
    await untilAll(subject, jobId, 'CANCELED', count);
  });
  const deletion = await seconds(async () => {
    await subject.call('DELETE', `/jobs/${jobId}`);
    await waitFor('the end of the deletion', limitFor(count), async () => !(await exists(subject, jobId)));
  });
  return { cancel, delete: deletion };
}

async function join(subject: Subject, count: number): Promise<number> {
  await subject.call('POST', '/thing-groups', { name: 'joined' });
  const { jobId } = await subject.call<Job>('POST', '/jobs', {
    jobType: 'CONTINUOUS',
    targets: { thingGroupNames: ['joined'] },
    document: {},
  });
  return seconds(async () => {
    await subject.call('POST', '/thing-groups/joined/things', { add: names(count) });
    await untilAll(subject, jobId, 'QUEUED', count);
  });
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `thing-${i}`);
}

async function exists(subject: Subject, jobId: string): Promise<boolean> {
  return subject.call('GET', `/jobs/${jobId}`).then(
    () => true,
    () => false,
  );
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
