import type { Schemas } from '../api/client';

/** Where the workflow of a job, or of its execution on a thing, is seen; null where no Temporal UI is known. */
export function workflowUrl(
  about: Schemas['About'] | undefined,
  jobId: string,
  thingName?: string,
): string | null {
  if (!about?.temporal.uiUrl) return null;
  const workflowId = thingName === undefined ? `job/${jobId}` : `job/${jobId}/thing/${thingName}`;
  const { uiUrl, namespace } = about.temporal;
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
