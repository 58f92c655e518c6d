/** What a device can ask for, whichever way it came in. Implemented by `createDeviceService`. */
import type { DeviceAnswer, StartNextRequest, UpdateRequest } from '../../workflows/messages';

export interface GetPendingRequest {
  clientToken?: string;
}

export interface DescribeRequest {
  executionNumber?: number;
  includeJobDocument?: boolean;
  clientToken?: string;
}

/**
 * A request with a `topic` (MQTT) resolves as soon as it is answered or Temporal has durably taken it: undefined
 * means that the answer will be published under that topic. Without one (HTTPS) the answer is always returned.
 * Rejections are answers, not errors; what throws is ours (Temporal or the store out of reach) and the device
 * must not be acknowledged.
 */
export interface DeviceService {
  getPending(thingName: string, request: GetPendingRequest): Promise<DeviceAnswer>;
  /** `jobId` may be `$next`. */
  describe(thingName: string, jobId: string, request: DescribeRequest): Promise<DeviceAnswer>;
  startNext(thingName: string, request: StartNextRequest): Promise<DeviceAnswer | undefined>;
  update(thingName: string, jobId: string, request: UpdateRequest): Promise<DeviceAnswer | undefined>;
}

/** Codes of `rejected` answers (PROTOCOL.md §2). */
export type DeviceErrorCode =
  | 'InvalidTopic'
  | 'InvalidJson'
  | 'InvalidRequest'
  | 'InvalidStateTransition'
  | 'ResourceNotFound'
  | 'VersionMismatch'
  | 'RequestThrottled'
  | 'TerminalStateReached'
  | 'InternalError';

export function rejected(
  code: DeviceErrorCode,
  message: string,
  extras: { clientToken?: string; executionState?: Record<string, unknown> } = {},
): DeviceAnswer {
  const body = { code, message, ...extras, timestamp: Math.floor(Date.now() / 1000) };
  return { accepted: false, code, json: JSON.stringify(body) };
}
