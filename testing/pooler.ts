import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Authentication is done; a number of the backend that is the pooler's own; ready for a query. */
const WELCOME = Buffer.from('520000000800000000' + '4b0000000c7fffffff00000001' + '5a0000000549', 'hex');
const BACKEND_KEY = Buffer.from('4b0000000c', 'hex');
const TERMINATE = 0x58;

export interface Pooler {
  port: number;
  close(): void;
}

/**
 * What stands between a client and the server and tells clients numbers of its own, as pgbouncer does. By `session`
 * each client has a session of the server; by `transaction` all of them share one, which here only works for clients
 * that take turns.
 */
export async function startPooler(target: number, by: 'session' | 'transaction'): Promise<Pooler> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined);
  };
  let shared: { server: Socket; speaks: Socket } | null = null;
  const server = createServer((client) => {
    keep(client);
    if (by === 'transaction' && shared !== null) {
      const { server: upstream } = shared;
      client.once('data', () => {
        client.write(WELCOME);
        client.on('data', (data) => {
          if (data[0] === TERMINATE || shared === null) return;
          shared.speaks = client;
          upstream.write(data);
        });
      });
      return;
    }
    const upstream = keep(connect(target, '127.0.0.1'));
    const own = { server: upstream, speaks: client };
    if (by === 'transaction') shared = own;
    client.on('data', (data) => {
      own.speaks = client;
      if (data[0] !== TERMINATE || by === 'session') upstream.write(data);
    });
    upstream.on('data', (data) => {
      const at = data.indexOf(BACKEND_KEY);
      if (at !== -1) data.writeInt32BE(-1, at + BACKEND_KEY.length);
      own.speaks.write(data);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
