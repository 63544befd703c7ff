import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { readMysql } from './mysql.js';
import { readPostgres } from './postgres.js';
import type { Reader, Said, SaidOn } from './statements.js';

/** Everything said to one server since the last `take`. */
export interface CountingProxy {
  /** The same url through the proxy. */
  url(direct: string): string;
  take(): SaidOn[];
  close(): Promise<void>;
}

/** A TCP proxy that reads what passes: exact counts, without a part in either side. */
export async function countingProxy(target: string): Promise<CountingProxy> {
  const { hostname, port, protocol } = new URL(target);
  const make = protocol.startsWith('postgres') ? readPostgres : readMysql;
  const sockets = new Set<Socket>();
  const readers = new Set<Reader>();
  let said: SaidOn[] = [];
  let connections = 0;

  const server = createServer({ noDelay: true }, (client) => {
    const connection = ++connections;
    const reader = make((one) => said.push({ ...one, connection }));
    const upstream = connect({ host: hostname, port: Number(port || DEFAULT_PORTS[protocol]), noDelay: true });
    readers.add(reader);
    for (const [from, to, read] of [
      [client, upstream, reader.fromClient],
      [upstream, client, reader.fromServer],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        to.write(bytes);
        read(bytes);
      });
      from.on('error', () => undefined); // 'close' follows
      from.on('close', () => {
        sockets.delete(from);
        readers.delete(reader);
        reader.finish();
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  return {
    url(direct) {
      const through = new URL(direct);
      through.host = `127.0.0.1:${own}`;
      return through.href;
    },
    take() {
      for (const reader of readers) reader.finish();
      const taken = said;
      said = [];
      return taken;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

const DEFAULT_PORTS: Record<string, string> = { 'postgres:': '5432', 'postgresql:': '5432', 'mysql:': '3306' };

export interface Counts {
  roundTrips: number;
  statements: number;
  commits: number;
}

export function countsOf(said: readonly Said[]): Counts {
  const sum = (of: (one: Said) => number): number => said.reduce((total, one) => total + of(one), 0);
  return {
    roundTrips: sum((one) => (one.roundTrip ? 1 : 0)),
    statements: sum((one) => one.statements),
    commits: sum((one) => one.commits),
  };
}
