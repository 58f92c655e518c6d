import { JsonText } from '../domain/json-text';
import { jobBody } from './jobs-create';

const document = JsonText.of('{"action":"updateFirmware"}');
const read = () => document;

describe('jobBody', () => {
  it('builds a job from options alone', () => {
    expect(jobBody({}, { group: ['pilot'], document: 'd.json', continuous: true }, read)).toEqual({
      jobType: 'CONTINUOUS',
      targets: { thingGroupNames: ['pilot'], thingNames: undefined },
      document,
    });
  });

  it('sets options over the file and leaves the rest of it', () => {
    const file = {
      name: 'old',
      description: 'kept',
      targets: { thingNames: ['a'] },
      document: { action: 'x' },
    };
    expect(jobBody(file, { name: 'new' }, read)).toEqual({ ...file, name: 'new' });
  });

  it('says what is missing', () => {
    expect(() => jobBody({ document }, {}, read)).toThrow(/--group or --thing/);
    expect(() => jobBody({}, { thing: ['a'] }, read)).toThrow(/--document/);
  });
});
