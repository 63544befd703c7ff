import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';

/** What a call answers whose status and headers follow from what came of it. */
export interface Answer {
  status: number;
  body: object;
  headers: Record<string, string>;
}

/** Around every route that returns an `Answer`. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor<Answer, object> {
  intercept(context: ExecutionContext, next: CallHandler<Answer>): Observable<object> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(map((answer) => prepared(reply, answer)));
  }
}

/** For a route whose answer may be a stream, which goes out while it is made: Nest would wait for its first part. */
export function send(reply: FastifyReply, answer: Answer): void {
  void reply.send(prepared(reply, answer));
}

function prepared(reply: FastifyReply, { status, headers, body }: Answer): object {
  void reply.status(status).headers(headers);
  return body;
}
