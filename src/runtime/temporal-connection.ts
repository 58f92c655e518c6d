import { Connection, isGrpcServiceError } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { ConfigError } from './config';
import { retryUntil } from './deadline';

const { INDEXED_VALUE_TYPE_KEYWORD } = temporal.api.enums.v1.IndexedValueType;

/** Values of `grpc.status` that mean something to the operator. */
const Grpc = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  UNIMPLEMENTED: 12,
  UNAUTHENTICATED: 16,
};

export interface ConnectOptions {
  /** host:port */
  address: string;
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
  const { address, namespace, deadlineMs, isHopeless } = options;
  const until = { deadlineMs, pauseMs: 100, isFinal: () => isHopeless?.() ?? false };
  const connection = await retryUntil(() => Connection.connect({ address, connectTimeout: 1_000 }), until);
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
export async function connectToExisting(address: string, namespace: string): Promise<Connection> {
  try {
    return await connectTemporal({ address, namespace, deadlineMs: 10_000 });
  } catch (error) {
    if (isGrpcServiceError(error) && (error.code as number) === Grpc.NOT_FOUND)
      throw new ConfigError(
        `TEMPORAL_NAMESPACE "${namespace}" does not exist at ${address}; make it with ` +
          `"temporal operator namespace create --address ${address} ${namespace}" or name another.`,
      );
    throw new ConfigError(
      `Temporal at TEMPORAL_ADDRESS "${address}" does not answer (${reason(error)}); start it or correct the address.`,
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
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const wrong = names.find(
    (name) => customAttributes[name] && customAttributes[name] !== INDEXED_VALUE_TYPE_KEYWORD,
  );
  if (wrong)
    throw new ConfigError(
      `Temporal's search attribute ${wrong} in namespace "${namespace}" is not a Keyword; give Muster another TEMPORAL_NAMESPACE.`,
    );
  const missing = names.filter((name) => !customAttributes[name]);
  if (missing.length > 0) await addSearchAttributes(connection, namespace, missing);
  await retryUntil(() => searchByAll(connection, namespace, names), {
    deadlineMs: 60_000,
    pauseMs: 200,
    isFinal: (error) => !isGrpcServiceError(error) || (error.code as number) !== Grpc.INVALID_ARGUMENT,
  });
}

async function addSearchAttributes(
  connection: Connection,
  namespace: string,
  names: string[],
): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(names.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD])),
    });
  } catch (error) {
    const flags = names.map((name) => `--name ${name} --type Keyword`).join(' ');
    throw new ConfigError(
      `Temporal did not let Muster add the search attributes ${names.join(', ')} (${reason(error)}); ` +
        `let somebody who may run "temporal operator search-attribute create --namespace ${namespace} ${flags}".`,
    );
  }
}

/** An attribute that a query may name may also be set by a workflow. */
async function searchByAll(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const query = names.map((name) => `${name} = "-"`).join(' AND ');
  await connection.workflowService.countWorkflowExecutions({ namespace, query });
}

function reason(error: unknown): string {
  if (isGrpcServiceError(error)) return error.details || error.message;
  return error instanceof Error ? error.message : String(error);
}
