import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { connectTemporal } from './temporal-connection';

type Handler = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => void;

const asItIs = (bytes: Buffer) => bytes;
const empty: Handler = (_, answer) => answer(null, Buffer.alloc(0));

/** A server of Temporal's protocol whose calls do what the test says; others are unknown to it. */
async function serve(handlers: Record<string, Handler>): Promise<{ server: Server; address: string }> {
  const server = new Server();
  const methods = Object.keys(handlers).map((name) => ({
    path: `/temporal.api.workflowservice.v1.WorkflowService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
    originalName: name,
  }));
  server.addService(Object.fromEntries(methods.map((method) => [method.originalName, method])), handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { server, address: `127.0.0.1:${port}` };
}

test('an update whose workflow task failed is sent again as it was', async () => {
  const heard: Buffer[] = [];
  const { server, address } = await serve({
    GetSystemInfo: empty,
    DescribeNamespace: empty,
    UpdateWorkflowExecution: ({ request }, answer) => {
      heard.push(request);
      const failed = { code: status.FAILED_PRECONDITION, details: 'unexpected workflow task failure' };
      if (heard.length < 3) answer(failed);
      else answer(null, Buffer.alloc(0));
    },
  });
  const connection = await connectTemporal({
    target: { address, tls: false },
    namespace: 'fleet',
    deadlineMs: 5_000,
  });
  await connection.workflowService.updateWorkflowExecution({ namespace: 'fleet' });
  expect(heard).toHaveLength(3);
  expect(new Set(heard.map((request) => request.toString('hex'))).size).toBe(1);
  await connection.close();
  server.forceShutdown();
});
