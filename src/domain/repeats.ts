/** When a device's request is one that it has made before. The execution's workflow and the store ask this one rule. */

/** How a request came in; the rest is what it asks for. */
const RECEIPT: readonly string[] = ['topic', 'reply', 'receivedAt'];

/** A request to one execution, as the contract has read it. */
export interface RepeatableRequest {
  clientToken?: string;
}

/**
 * What a request asks for, as a text that is equal exactly where the requests are.
 * @returns undefined where the request has no token: the same words may then be said on purpose, as a heartbeat
 */
export function contentOf(request: RepeatableRequest): string | undefined {
  if (request.clientToken === undefined) return undefined;
  const fields = Object.entries(request).filter(([name]) => !RECEIPT.includes(name));
  return JSON.stringify(Object.fromEntries(fields), (_name, value: unknown) => inOrder(value));
}

/** Whether both, made to the same execution, are one request that was delivered twice. */
export function isRepeat(request: RepeatableRequest, former: RepeatableRequest): boolean {
  const content = contentOf(request);
  return content !== undefined && content === contentOf(former);
}

/** The order of its fields does not make two objects different. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
