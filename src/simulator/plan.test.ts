import { planFleet, type Mix } from './plan';

const mix: Mix = {
  devices: 200,
  successRate: 0.9,
  offlineShare: 0.1,
  offlineSeconds: { min: 10, max: 30 },
  durationSeconds: { min: 2, max: 6 },
  reports: 3,
  seed: 7,
};

function count<T>(items: T[], test: (item: T) => boolean): number {
  return items.filter(test).length;
}

describe('planFleet', () => {
  it('gives the same fleet for the same seed and another one for another', () => {
    expect(planFleet(mix)).toEqual(planFleet(mix));
    expect(planFleet({ ...mix, seed: 8 })).not.toEqual(planFleet(mix));
  });

  it('keeps the shares exactly', () => {
    const plans = planFleet(mix);
    expect(plans).toHaveLength(200);
    expect(count(plans, (plan) => plan.outcome === 'SUCCEEDED')).toBe(180);
    expect(count(plans, (plan) => plan.outcome === 'FAILED')).toBe(15);
    expect(count(plans, (plan) => plan.outcome === 'REJECTED')).toBe(5);
    expect(count(plans, (plan) => plan.connectAfterMs > 0)).toBe(20);
  });

  it('keeps durations and absences inside their ranges', () => {
    for (const plan of planFleet(mix)) {
      expect(plan.durationMs).toBeGreaterThanOrEqual(2_000);
      expect(plan.durationMs).toBeLessThanOrEqual(6_000);
      expect(plan.connectAfterMs === 0 || plan.connectAfterMs >= 10_000).toBe(true);
      expect(plan.connectAfterMs).toBeLessThanOrEqual(30_000);
    }
  });

  it('spreads the devices that fail over the fleet', () => {
    const firstHalf = planFleet(mix).slice(0, 100);
    expect(count(firstHalf, (plan) => plan.outcome !== 'SUCCEEDED')).toBeGreaterThan(2);
  });
});
