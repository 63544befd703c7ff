import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';
import type { Config } from '../config.js';
import type { Lifecycle } from '../core/lifecycle.js';
import type { Logger } from '../core/tokens.js';
import { jsonBody, unreadable } from './body.js';
import { Guard } from './guard.js';
import { ProblemFilter, sendProblem, sendRawProblem } from './problem.js';
import { Routes } from './routes.js';

/** Of one part of a path, characters: an id or a name is never longer. */
const LONGEST_PART = 1000;
/** Who is being answered when the service stops is given so long. */
const GRACE_MS = 3000;
const LOOK_MS = 25;
const JSON_TYPE = 'application/json';

/** Starts the HTTP side. Returns the address at which it listens. */
export async function listen(
  module: DynamicModule,
  config: Config,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<string> {
  const adapter = new FastifyAdapter({
    routerOptions: { maxParamLength: LONGEST_PART, ignoreTrailingSlash: true },
    return503OnClosing: false,
    clientErrorHandler: sendRawProblem,
    genReqId: () => uuid(),
    // A client that stops in the middle of a head or a body is not waited for.
    requestTimeout: config.REQUEST_TIMEOUT_SECONDS * 1000,
    http: { headersTimeout: config.REQUEST_TIMEOUT_SECONDS * 1000, connectionsCheckingInterval: 500 },
    loggerInstance: logger.child({}, { level: quiet(config.LOG_LEVEL) }) as never,
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(reply, request.id, 'not_found', 'the address is not well-formed');
    },
  });
  const server = adapter.getInstance<FastifyInstance>();
  const connections = new Connections(server.server);
  refuseEarly(server, new Guard(config.HOST, config.ALLOWED_HOSTS));
  const http = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    abortOnError: false,
  });
  lifecycle.onStop('http', async () => {
    const closing = http.close();
    await Promise.race([closing, connections.end()]);
    await closing;
  });
  http.useGlobalFilters(new ProblemFilter());
  await http.init();
  const replies = new WeakMap<IncomingMessage, ServerResponse>();
  server.addHook('preParsing', (request, reply, _payload, done) => {
    replies.set(request.raw, reply.raw);
    done();
  });
  // JSON alone: anything else is a 415, also what Fastify and Nest would read by themselves.
  server.removeContentTypeParser([JSON_TYPE, 'text/plain', 'application/x-www-form-urlencoded']);
  server.addContentTypeParser(
    JSON_TYPE,
    jsonBody(server.getDefaultJsonParser('error', 'error') as never, (request) => replies.get(request.raw)!),
  );
  await http.listen(config.PORT, config.HOST);
  return (await http.getUrl()).replace('[::1]', 'localhost');
}

function refuseEarly(server: FastifyInstance, guard: Guard): void {
  const routes = new Routes();
  routes.watch(server);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    const refused = guard.refuses(request);
    // No name or id holds U+0000, and not every core database could look for it.
    const [path, query = ''] = request.url.split('?', 2) as [string, string?];
    if (refused !== null) sendProblem(reply, request.id, 'forbidden', refused);
    else if (path.includes('%00'))
      sendProblem(reply, request.id, 'not_found', 'nothing is called by the character U+0000');
    else if (query.includes('%00'))
      sendProblem(reply, request.id, 'validation_failed', 'the address must not hold the character U+0000', {
        errors: [{ path: 'url', message: 'must not hold the character U+0000' }],
      });
    // Here, and not where a body has been read first.
    else if (request.is404) refusePath(request, reply, routes.allowed(path));
    else done();
  });
  server.addHook('preParsing', (request, reply, _payload, done) => {
    const why = unreadable(request);
    if (why === null) done();
    else sendProblem(reply, request.id, 'unsupported_media_type', why);
  });
}

function refusePath(request: FastifyRequest, reply: FastifyReply, allowed: string[]): void {
  if (allowed.length === 0) return sendProblem(reply, request.id, 'not_found', 'there is nothing at this path');
  void reply.header('Allow', allowed.join(', '));
  sendProblem(
    reply,
    request.id,
    'method_not_allowed',
    `${request.method} is not for this path: it takes ${allowed.join(', ')}`,
  );
}

/** Who is connected, and who of them waits for an answer: a stop waits for nobody else. */
class Connections {
  private readonly open = new Set<Socket>();
  private readonly answering = new Map<Socket, IncomingMessage>();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
    });
    server.on('request', (request, response) => {
      this.answering.set(request.socket, request);
      response.once('close', () => this.answering.delete(request.socket));
    });
    // Only who reads the body tells its sender to go on (body.ts); who expects something else gets an answer like any
    // other.
    for (const event of ['checkContinue', 'checkExpectation'] as const)
      server.on(event, (request, response) => {
        server.emit('request', request, response);
      });
  }

  /** Resolves when nobody is connected any more. A request that was not sent to its end is not waited for. */
  async end(): Promise<void> {
    const last = performance.now() + GRACE_MS;
    while (this.open.size > 0) {
      for (const socket of this.open)
        if (performance.now() > last || this.answering.get(socket)?.complete !== true) socket.destroy();
      await sleep(LOOK_MS);
    }
  }
}

/** No line per request. */
function quiet(level: Config['LOG_LEVEL']): string {
  return level === 'info' || level === 'debug' ? 'warn' : level;
}
