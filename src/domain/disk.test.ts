import { diskFaultOf } from './disk';

const failed = (message: string, rest: object = {}) => Object.assign(new Error(message), rest);

test.each([
  [failed('ENOSPC: no space left on device, write', { code: 'ENOSPC' }), 'full'],
  [failed('EDQUOT: disk quota exceeded, write', { code: 'EDQUOT' }), 'full'],
  [failed('EFBIG: file too large, write', { code: 'EFBIG' }), 'full'],
  [failed('database or disk is full', { code: 'SQLITE_FULL' }), 'full'],
  [failed('IO error: mqtt/000003.log: No space left on device', { code: 'LEVEL_IO_ERROR' }), 'full'],
  [failed('EROFS: read-only file system, open', { code: 'EROFS' }), 'read-only'],
  [failed('attempt to write a readonly database', { code: 'SQLITE_READONLY_DBMOVED' }), 'read-only'],
  [failed('14 UNAVAILABLE', { details: 'insert failed: database or disk is full (13)' }), 'full'],
  [
    failed('The job was not created', { cause: failed('x', { cause: failed('', { code: 'ENOSPC' }) }) }),
    'full',
  ],
  [failed('connection refused', { code: 'ECONNREFUSED' }), undefined],
  [failed('a full cup'), undefined],
  ['ENOSPC', undefined],
  [undefined, undefined],
])('%s: %s', (error, fault) => {
  expect(diskFaultOf(error)).toBe(fault);
});

test('an error that is its own cause is looked at only so often', () => {
  const error = failed('round');
  error.cause = error;
  expect(diskFaultOf(error)).toBeUndefined();
});
