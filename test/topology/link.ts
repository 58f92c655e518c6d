/** A connection between two parts that can be cut: TCP on a port of its own, passed on to another. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Link {
  private readonly sockets = new Set<Socket>();
  private open = true;
  /** How many were asked for. */
  connections = 0;

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly server: Server,
    private readonly target: number,
    private readonly refuses: (connection: number) => boolean,
  ) {
    server.on('connection', (near: Socket) => this.pass(near));
  }

  /**
   * @param target port on 127.0.0.1 that the link leads to
   * @param refuses which connections are broken off at once, the first one being 1
   */
  static async to(
    name: string,
    target: number,
    refuses: (connection: number) => boolean = () => false,
  ): Promise<Link> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Link(name, (server.address() as AddressInfo).port, server, target, refuses);
  }

  /** Breaks every connection, and refuses new ones until it is mended. */
  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.open = true;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private pass(near: Socket): void {
    if (this.refuses(++this.connections) || !this.open) return void near.destroy();
    const far = connect(this.target, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
