/** From a device's message to the device service and back: parses, asks, publishes what is answered at once. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import {
  describeRequestSchema,
  getRequestSchema,
  parseDeviceRequest,
  startNextRequestSchema,
  updateRequestSchema,
} from '../contract/device';
import { publishAnswer, type Publisher } from '../devices/publisher';
import { rejected, type DeviceService } from '../devices/service';
import type { DeviceAnswer, Reply } from '../../workflows/messages';
import type { RequestHandler } from './broker';
import { parseDeviceTopic, type DeviceTopic } from './topics';

export interface BridgeOptions {
  prefixes: readonly string[];
  devices: DeviceService;
  publisher: Publisher;
  metrics: {
    /** @param answer `accepted`, the code of a rejection, or `taken`: the answer comes from the workflow */
    bridgeMessage(kind: string, answer: string): void;
  };
  log: Logger;
}

export interface Bridge {
  /**
   * Serves one message of a device. Resolves when the message may be acknowledged: it's answered, or Temporal has
   * taken it. Throws only what is ours, and then the device must not be acknowledged.
   */
  handle: RequestHandler;
}

export function createBridge({ prefixes, devices, publisher, metrics, log }: BridgeOptions): Bridge {
  async function handle(
    topic: string,
    payload: Buffer,
    thingName: string,
    isLastTry = false,
    reply?: Reply,
  ): Promise<void> {
    const parsed = parseDeviceTopic(prefixes, topic);
    // The thing's own, but nothing about jobs: taken, and left alone.
    if (parsed === undefined || parsed.action === 'answer' || parsed.thingName !== thingName) return;

    const answer = await answerTo(parsed, { topic, reply }, payload).catch((error: unknown) => {
      if (!isLastTry) throw error;
      log.error({ err: error, thingName, topic }, 'Request given up');
      return rejected('InternalError', 'The request could not be served. Try again later.', tokenOf(payload));
    });
    const outcome = answer === undefined ? 'taken' : answer.accepted ? 'accepted' : answer.code!;
    metrics.bridgeMessage(parsed.action, outcome);
    log.debug({ thingName, topic, outcome }, 'Device request');
    if (answer) await publishAnswer(publisher, { topic, reply }, answer);
  }

  async function answerTo(
    target: DeviceTopic,
    receipt: { topic: string; reply?: Reply },
    payload: Buffer,
  ): Promise<DeviceAnswer | undefined> {
    const { thingName } = target;
    const received = { ...receipt, receivedAt: Date.now() };
    switch (target.action) {
      case 'get':
        return checked(getRequestSchema, payload, (request) => devices.getPending(thingName, request));
      case 'describe':
        return checked(describeRequestSchema, payload, (request) =>
          devices.describe(thingName, target.jobId, request),
        );
      case 'start-next':
        return checked(startNextRequestSchema, payload, (request) =>
          devices.startNext(thingName, { kind: 'start-next', ...request, ...received }),
        );
      case 'update':
        return checked(updateRequestSchema, payload, (request) =>
          devices.update(thingName, target.jobId, { kind: 'update', ...request, ...received }),
        );
      default:
        return rejected(
          'InvalidTopic',
          'No request has this topic: use get, start-next, {jobId}/get or {jobId}/update after jobs/.',
        );
    }
  }

  return { handle };
}

async function checked<T>(
  schema: z.ZodType<T>,
  payload: Buffer,
  ask: (request: T) => Promise<DeviceAnswer | undefined>,
): Promise<DeviceAnswer | undefined> {
  const parsed = parseDeviceRequest(schema, payload);
  if (parsed.ok) return ask(parsed.request);
  const { code, message, clientToken } = parsed;
  return rejected(code, message, clientToken === undefined ? {} : { clientToken });
}

function tokenOf(payload: Buffer): { clientToken?: string } {
  const parsed = parseDeviceRequest(getRequestSchema, payload);
  const { clientToken } = parsed.ok ? parsed.request : parsed;
  return clientToken === undefined ? {} : { clientToken };
}
