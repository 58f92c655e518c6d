import { parsePermission } from './keys';

describe('parsePermission', () => {
  it('reads methods and the beginning of a path', () => {
    expect(parsePermission('get,POST:/api/v1/jobs')).toEqual({
      methods: ['GET', 'POST'],
      pathPrefix: '/api/v1/jobs',
    });
    expect(parsePermission('*:/api/v1')).toEqual({ methods: ['*'], pathPrefix: '/api/v1' });
  });

  it.each(['GET', 'GET:', ':/api/v1', 'GET:api', 'GET,:/api/v1'])('refuses %p', (text) => {
    expect(() => parsePermission(text)).toThrow(/methods:path/);
  });
});
