import { collectPair, parseApiKey, range, share } from './options';

describe('option values', () => {
  it('takes a key apart at its first colon', () => {
    expect(parseApiKey('admin:a:b')).toEqual({ key: 'admin', secret: 'a:b' });
  });

  it.each([undefined, '', 'admin', ':secret', 'admin:'])('refuses %p as a key', (text) => {
    expect(() => parseApiKey(text)).toThrow(/key:secret/);
  });

  it('reads ranges and single values', () => {
    expect(range('3-8')).toEqual({ min: 3, max: 8 });
    expect(range('0.5')).toEqual({ min: 0.5, max: 0.5 });
    expect(() => range('8-3')).toThrow();
    expect(() => range('soon')).toThrow();
  });

  it('reads shares from 0 to 1', () => {
    expect(share('0.25')).toBe(0.25);
    expect(() => share('25')).toThrow();
  });

  it('gathers name=value pairs', () => {
    expect(collectPair('b=x=y', { a: '1' })).toEqual({ a: '1', b: 'x=y' });
    expect(() => collectPair('=x')).toThrow();
  });
});
