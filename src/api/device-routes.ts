/** Devices over HTTPS: the MQTT requests, with the thing's name in the body. */
import { MusterError, type ErrorCode, type ExecutionStateExtra } from '../contract/errors';
import { JsonText } from '../domain/json-text';
import type { DeviceService } from '../devices/service';
import type { Db } from '../store/database';
import { requireThing } from '../store/things';
import type { DeviceAnswer } from '../../workflows/messages';
import { requireSpeaksFor, type Caller } from './auth';
import type { Handlers } from './mount';

type DeviceOperation = 'deviceGet' | 'deviceStartNext' | 'deviceDescribe' | 'deviceUpdate';

export function deviceRoutes({ db, devices }: { db: Db; devices: DeviceService }): Handlers<DeviceOperation> {
  return {
    async deviceGet({ body: { thingName, ...request }, caller }) {
      await requireOwn(caller, thingName);
      return accepted(await devices.getPending(thingName, request));
    },

    async deviceStartNext({ body: { thingName, ...request }, caller }) {
      await requireOwn(caller, thingName);
      const receivedAt = Date.now();
      return accepted(await devices.startNext(thingName, { kind: 'start-next', receivedAt, ...request }));
    },

    async deviceDescribe({ params: { jobId }, body: { thingName, ...request }, caller }) {
      await requireOwn(caller, thingName);
      return accepted(await devices.describe(thingName, jobId, request));
    },

    async deviceUpdate({ params: { jobId }, body: { thingName, ...request }, caller }) {
      await requireOwn(caller, thingName);
      const receivedAt = Date.now();
      return accepted(await devices.update(thingName, jobId, { kind: 'update', receivedAt, ...request }));
    },
  };

  async function requireOwn(caller: Caller, thingName: string): Promise<void> {
    requireSpeaksFor(caller, thingName);
    await requireThing(db, thingName);
  }
}

interface RejectedBody {
  code: ErrorCode;
  message: string;
  executionState?: ExecutionStateExtra;
  clientToken?: string;
}

function accepted(answer: DeviceAnswer | undefined) {
  if (!answer) throw new Error('A device that waits for its answer got none.');
  if (answer.accepted) return JsonText.asKept(answer.json);
  const { code, message, executionState, clientToken } = JSON.parse(answer.json) as RejectedBody;
  throw new MusterError(code, message, { executionState, clientToken });
}
