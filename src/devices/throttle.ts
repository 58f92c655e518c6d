/** No thing may ask for more than its share, so that one which floods harms nobody else. */
import type { DeviceAnswer } from '../../workflows/messages';
import { rejected, type DeviceService } from './service';

/** Requests that a thing may make at once after it was quiet. */
export const BURST = 50;
/** Requests a second that a thing may make for ever. */
export const REQUESTS_PER_SECOND = 10;

/** How often the buckets of things that have been quiet are forgotten. */
const FORGET_EVERY_MS = 60_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** The same service; what goes beyond a thing's share is rejected with `RequestThrottled` and not passed on. */
export function throttled(devices: DeviceService, now: () => number = Date.now): DeviceService {
  const buckets = new Map<string, Bucket>();
  let forgottenAt = now();

  return {
    getPending: (thingName, request) =>
      limited(thingName, request, () => devices.getPending(thingName, request)),
    describe: (thingName, jobId, request) =>
      limited(thingName, request, () => devices.describe(thingName, jobId, request)),
    startNext: (thingName, request) =>
      limited(thingName, request, () => devices.startNext(thingName, request)),
    update: (thingName, jobId, request) =>
      limited(thingName, request, () => devices.update(thingName, jobId, request)),
  };

  async function limited<T extends DeviceAnswer | undefined>(
    thingName: string,
    { clientToken }: { clientToken?: string },
    serve: () => Promise<T>,
  ): Promise<T | DeviceAnswer> {
    if (takeToken(thingName)) return serve();
    const message = `More than ${BURST} requests at once, or ${REQUESTS_PER_SECOND} a second; try again later.`;
    return rejected('RequestThrottled', message, clientToken === undefined ? {} : { clientToken });
  }

  function takeToken(thingName: string): boolean {
    const at = now();
    if (at - forgottenAt > FORGET_EVERY_MS) forgetQuiet(at);
    const tokens = refilled(buckets.get(thingName), at);
    buckets.set(thingName, { tokens: tokens < 1 ? tokens : tokens - 1, at });
    return tokens >= 1;
  }

  function forgetQuiet(at: number): void {
    forgottenAt = at;
    for (const [thingName, bucket] of buckets) if (refilled(bucket, at) >= BURST) buckets.delete(thingName);
  }
}

function refilled(bucket: Bucket | undefined, at: number): number {
  if (!bucket) return BURST;
  return Math.min(BURST, bucket.tokens + ((at - bucket.at) / 1000) * REQUESTS_PER_SECOND);
}
