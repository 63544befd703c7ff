import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { v7 as uuid } from 'uuid';
import { CoreUnavailable, VersionConflict } from '#event-store';
import { NotRetryable } from '#sagas';
import { Refused } from '#tables';
import { JSON_WANTED } from './body.js';
import { ApiError, STATUS, TITLE, type ApiCode } from './api-error.js';

const MEDIA_TYPE = 'application/problem+json';

/** The one place where an error becomes an answer (RFC 9457). What is not expected is logged with its request's id. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { code, detail, extra } = classify(error);
    if (error instanceof ApiError && error.extra.headers !== undefined) void reply.headers(error.extra.headers);
    if (code === 'internal_error') request.log.error({ err: error, request_id: request.id }, 'unexpected error');
    else if (error instanceof CoreUnavailable)
      request.log.warn({ error: error.message, request_id: request.id }, 'the core database is away');
    sendProblem(reply, request.id, code, detail, extra);
  }
}

const told = new WeakMap<FastifyReply, { code: ApiCode; saga_id: string | null }>();

/** What problem an answer tells of, for the record: the answer itself may be megabytes long. Null: none. */
export function problemOf(reply: FastifyReply): { code: ApiCode; saga_id: string | null } | null {
  return told.get(reply) ?? null;
}

/** For the filter, and for what is refused before Nest sees it. */
export function sendProblem(
  reply: FastifyReply,
  requestId: string,
  code: ApiCode,
  detail: string,
  extra: Record<string, unknown> = {},
): void {
  const status = STATUS[code];
  const { saga } = extra as { saga?: { saga_id: string } };
  told.set(reply, { code, saga_id: saga?.saga_id ?? null });
  if (status === 503 || status === 429) void reply.header('Retry-After', '1');
  void reply
    .status(status)
    .header('X-Request-Id', requestId)
    .type(MEDIA_TYPE)
    .send(problem(requestId, status, TITLE[code] ?? code.replaceAll('_', ' '), code, detail, extra));
}

function problem(
  requestId: string,
  status: number,
  title: string,
  code: ApiCode,
  detail: string,
  extra: Record<string, unknown> = {},
): string {
  return JSON.stringify({
    type: `https://schemasaga.dev/problems/${code}`,
    title,
    status,
    detail,
    code,
    request_id: requestId,
    ...extra,
  });
}

/** What is no HTTP, or more of it than is taken: Node reads it, and no request ever comes of it. */
export function sendRawProblem(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title]: [number, string] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request'];
  const requestId = uuid();
  const body = problem(requestId, status, title, 'invalid_json', 'this is not a request that can be read');
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${MEDIA_TYPE}\r\nX-Request-Id: ` +
      `${requestId}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => {
      socket.destroy();
    },
  );
}

function classify(error: unknown): { code: ApiCode; detail: string; extra?: Record<string, unknown> } {
  if (error instanceof ApiError)
    return {
      code: error.code,
      detail: error.message,
      extra: { ...(error.extra.errors === undefined ? {} : { errors: error.extra.errors }), ...error.extra.members },
    };
  if (error instanceof Refused)
    return {
      code: error.code,
      detail: error.message,
      extra: error.problems.length === 0 ? {} : { errors: error.problems },
    };
  if (error instanceof NotRetryable) return { code: error.code, detail: error.message };
  if (error instanceof VersionConflict)
    return { code: 'version_conflict', detail: 'somebody else changed it at the same moment' };
  if (error instanceof CoreUnavailable)
    return { code: 'core_database_unavailable', detail: 'the core database cannot be reached; try again soon' };
  if (error instanceof HttpException) {
    const status = error.getStatus();
    const code: ApiCode =
      status === 404
        ? 'not_found'
        : status === 413
          ? 'payload_too_large'
          : status === 415
            ? 'unsupported_media_type'
            : status === 429
              ? 'rate_limited'
              : status < 500
                ? 'invalid_json'
                : 'internal_error';
    return {
      code,
      detail:
        code === 'internal_error'
          ? 'see the log, by request id'
          : code === 'unsupported_media_type'
            ? JSON_WANTED
            : error.message,
    };
  }
  return { code: 'internal_error', detail: 'see the log, by request id' };
}
