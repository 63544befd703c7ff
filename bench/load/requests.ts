import type { Sample } from '../measure.js';
import { byClients } from './clients.js';
import { HttpConnection, type Request } from './http.js';

export interface RequestsJob {
  url: string;
  clients: number;
  requests: Request[];
  /** All of them that many times over, so that no list of equal requests has to be sent here. */
  times?: number;
  /** Any other status is an error. */
  status: number;
}

export async function requests({ url, clients, requests: asked, times = 1, status }: RequestsJob): Promise<Sample> {
  const connections = await Promise.all(Array.from({ length: clients }, () => HttpConnection.open(url)));
  try {
    const all = Array.from({ length: times }, () => asked).flat();
    return await byClients(clients, all, async (request, client) => {
      const answer = await connections[client]!.ask(request);
      if (answer.status !== status) throw new Error(`${request.path}: ${answer.status} ${answer.text.slice(0, 300)}`);
    });
  } finally {
    for (const connection of connections) connection.close();
  }
}
