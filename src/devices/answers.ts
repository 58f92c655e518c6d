/** The bodies that devices get (PROTOCOL.md §2, "Payloads"). Times are epoch seconds there. */
import type { ExecutionState } from '../domain/execution';
import { toJson, type JsonText } from '../domain/json-text';
import { fromJson } from '../store/executions';
import type { ExecutionRow, TransitionRow } from '../store/schema';
import type { DeviceAnswer, UpdateRequest } from '../../workflows/messages';

type Body = Record<string, unknown>;

/** Fields that are undefined are left out by JSON. */
export function accepted(body: Body, request: { clientToken?: string }, at = Date.now()): DeviceAnswer {
  const json = toJson({ ...body, timestamp: seconds(at), clientToken: request.clientToken });
  return { accepted: true, json };
}

export function summary(row: ExecutionRow): Body {
  return {
    jobId: row.jobId,
    queuedAt: seconds(row.queuedAt),
    startedAt: optionalSeconds(row.startedAt),
    lastUpdatedAt: seconds(row.lastUpdatedAt),
    versionNumber: row.versionNumber,
    executionNumber: row.executionNumber,
  };
}

/** @param jobDocument left out where the device did not want it */
export function executionBody(row: ExecutionRow, jobDocument?: JsonText): Body {
  return {
    jobId: row.jobId,
    thingName: row.thingName,
    jobDocument,
    status: row.status,
    statusDetails: fromJson(row.statusDetailsJson),
    queuedAt: seconds(row.queuedAt),
    startedAt: optionalSeconds(row.startedAt),
    lastUpdatedAt: seconds(row.lastUpdatedAt),
    versionNumber: row.versionNumber,
    executionNumber: row.executionNumber,
    approximateSecondsBeforeTimedOut:
      row.deadline === null ? undefined : Math.max(0, Math.round((row.deadline - Date.now()) / 1000)),
  };
}

/** `executionState`, of accepted updates and of rejections. */
export function executionState(
  state: Pick<ExecutionState, 'status' | 'statusDetails' | 'versionNumber'>,
): Body {
  return { status: state.status, statusDetails: state.statusDetails, versionNumber: state.versionNumber };
}

/** The answer to the update that made a transition, now or when it is asked for again. */
export function updateAnswer(
  transition: TransitionRow,
  request: UpdateRequest,
  jobDocument?: JsonText,
): DeviceAnswer {
  const state = {
    status: transition.to,
    statusDetails: fromJson(transition.statusDetailsJson),
    versionNumber: transition.versionNumber,
  };
  return accepted(
    {
      executionState: request.includeJobExecutionState ? executionState(state) : undefined,
      jobDocument,
    },
    request,
    transition.at,
  );
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function optionalSeconds(ms: number | null): number | undefined {
  return ms === null ? undefined : seconds(ms);
}
