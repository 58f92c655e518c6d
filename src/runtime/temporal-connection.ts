import {
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { ConfigError } from './config';
import { retryUntil } from './deadline';
import type { TemporalTarget } from './temporal-target';

const { INDEXED_VALUE_TYPE_KEYWORD } = temporal.api.enums.v1.IndexedValueType;

/** Values of `grpc.status` that mean something to the operator. */
const Grpc = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAUTHENTICATED: 16,
};

const DEFAULT_RETRIES = defaultGrpcRetryOptions();
const MAX_ATTEMPTS = 10;

/**
 * What the SDK tries again, and an update whose workflow task failed: a workflow that was about to close heard of
 * something else in the same moment. The update has its id, so a repeat changes nothing.
 */
const retries = makeGrpcRetryInterceptor({
  ...DEFAULT_RETRIES,
  retryableDecider: (attempt, status) =>
    DEFAULT_RETRIES.retryableDecider(attempt, status) ||
    ((status.code as number) === Grpc.FAILED_PRECONDITION && attempt < MAX_ATTEMPTS),
});

/** Of one try. TLS on a slow line takes several round trips. */
const CONNECT_TIMEOUT_MS = 3_000;

export interface ConnectOptions {
  target: TemporalTarget;
  namespace: string;
  deadlineMs: number;
  /** True once there is no sense in waiting on. */
  isHopeless?: () => boolean;
}

/**
 * A connection to Temporal, once it answers and has the namespace.
 * @throws the last error when it does not within the deadline.
 */
export async function connectTemporal(options: ConnectOptions): Promise<Connection> {
  const { target, namespace, deadlineMs, isHopeless } = options;
  const until = { deadlineMs, pauseMs: 100, isFinal: () => isHopeless?.() ?? false };
  const connection = await retryUntil(
    () => Connection.connect({ ...target, connectTimeout: CONNECT_TIMEOUT_MS, interceptors: [retries] }),
    until,
  );
  try {
    await retryUntil(() => describeNamespace(connection, namespace), until);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * A connection to a Temporal that somebody else runs.
 * @throws ConfigError when it can't be reached, does not let us in, or lacks the namespace.
 */
export async function connectToExisting(target: TemporalTarget, namespace: string): Promise<Connection> {
  const { address } = target;
  try {
    return await connectTemporal({ target, namespace, deadlineMs: 10_000 });
  } catch (error) {
    const code = isGrpcServiceError(error) ? (error.code as number) : undefined;
    if (code === Grpc.NOT_FOUND)
      throw new ConfigError(
        `TEMPORAL_NAMESPACE "${namespace}" does not exist at ${address}; make it with ` +
          `"temporal operator namespace create --address ${address} --retention 3d ${namespace}" or name another.`,
      );
    if (code === Grpc.UNAUTHENTICATED || code === Grpc.PERMISSION_DENIED)
      throw new ConfigError(
        `Temporal at TEMPORAL_ADDRESS "${address}" does not let Muster into the namespace "${namespace}" (${reason(error)}); ` +
          `check TEMPORAL_API_KEY, or the certificate in TEMPORAL_TLS_CLIENT_CERT_PATH.`,
      );
    throw new ConfigError(
      `Temporal at TEMPORAL_ADDRESS "${address}" does not answer${target.tls ? ' over TLS' : ''} (${reason(error)}); start it, or correct the address or TEMPORAL_TLS….`,
    );
  }
}

/** Whether Temporal answers, for the readiness check. */
export async function pingTemporal(connection: Connection): Promise<void> {
  await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}));
}

async function describeNamespace(connection: Connection, namespace: string): Promise<void> {
  await connection.withDeadline(Date.now() + 2_000, () =>
    connection.workflowService.describeNamespace({ namespace }),
  );
}

/**
 * Adds the search attributes (Keyword) that are missing and waits until they can be used.
 * @throws ConfigError when Temporal does not let us add them, or has one of another type.
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const types = await searchAttributeTypes(connection, namespace);
  const wrong = names.find((name) => types[name] && types[name] !== Number(INDEXED_VALUE_TYPE_KEYWORD));
  if (wrong)
    throw new ConfigError(
      `Temporal's search attribute ${wrong} in namespace "${namespace}" is not a Keyword; give Muster another TEMPORAL_NAMESPACE.`,
    );
  const missing = names.filter((name) => !types[name]);
  const refusal = missing.length > 0 && (await addSearchAttributes(connection, namespace, missing));
  try {
    await retryUntil(() => searchByAll(connection, namespace, names), {
      // Another process that starts now may be the one that adds them.
      deadlineMs: refusal ? 5_000 : 60_000,
      pauseMs: 200,
      isFinal: (error) => !isGrpcServiceError(error) || (error.code as number) !== Grpc.INVALID_ARGUMENT,
    });
  } catch (error) {
    if (!refusal) throw error;
    const flags = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
    throw new ConfigError(
      `Temporal did not let Muster add the search attributes ${missing.join(', ')} (${refusal}); ` +
        `let somebody who may run "temporal operator search-attribute create --namespace ${namespace} ${flags}".`,
    );
  }
}

/** Empty where Temporal tells operators only; then using them shows whether they are there. */
async function searchAttributeTypes(
  connection: Connection,
  namespace: string,
): Promise<Record<string, number>> {
  try {
    return (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes;
  } catch (error) {
    const forOperators: number[] = [Grpc.PERMISSION_DENIED, Grpc.UNAUTHENTICATED, Grpc.UNIMPLEMENTED];
    if (isGrpcServiceError(error) && forOperators.includes(error.code)) return {};
    throw error;
  }
}

/** @returns why Temporal refused */
async function addSearchAttributes(
  connection: Connection,
  namespace: string,
  names: string[],
): Promise<string | undefined> {
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(names.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD])),
    });
    return undefined;
  } catch (error) {
    return reason(error);
  }
}

/** An attribute that a query may name may also be set by a workflow. @throws where one is missing */
export async function searchByAll(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const query = names.map((name) => `${name} = "-"`).join(' AND ');
  await workflowService.countWorkflowExecutions({ namespace, query });
}

function reason(error: unknown): string {
  if (isGrpcServiceError(error)) return error.details || error.message;
  return error instanceof Error ? error.message : String(error);
}
