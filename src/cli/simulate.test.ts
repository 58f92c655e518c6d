import { renderFleet } from './simulate';
import { simulatedNames } from './simulated-things';

describe('simulatedNames', () => {
  it('counts with as many digits as the last one needs', () => {
    expect(simulatedNames('sim-', 2)).toEqual(['sim-001', 'sim-002']);
    expect(simulatedNames('sim-', 1000)[0]).toBe('sim-0001');
  });
});

describe('renderFleet', () => {
  it('tells who is there, who works and what has come of it', () => {
    expect(
      renderFleet({ devices: 50, connected: 48, working: 12, statuses: { FAILED: 2, SUCCEEDED: 30 } }),
    ).toBe('connected 48/50  working 12  SUCCEEDED 30  FAILED 2');
  });
});
