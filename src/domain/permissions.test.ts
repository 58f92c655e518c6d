import { permits } from './permissions';

describe('permits', () => {
  it.each([
    ['GET', '/api/v1/jobs', true],
    ['GET', '/api/v1/jobs/1/executions', true],
    ['HEAD', '/api/v1/jobs', true],
    ['GET', '/api/v1/jobs-2', false],
    ['GET', '/api/v1', false],
    ['POST', '/api/v1/jobs', false],
  ])('%s %s under /api/v1/jobs for GET: %p', (method, url, permitted) => {
    expect(permits([{ methods: ['GET'], pathPrefix: '/api/v1/jobs' }], method, url)).toBe(permitted);
    expect(permits([{ methods: ['GET'], pathPrefix: '/api/v1/jobs/' }], method, url)).toBe(permitted);
  });
});
