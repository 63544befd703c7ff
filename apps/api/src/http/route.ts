import {
  createParamDecorator,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Problem } from '#byodb';
import type { Metadata } from '#event-store';
import { commandContext, metadataOf, nothingAsked, parse, type CommandContext } from './input.js';

/**
 * A body or a query that the schema takes, as the schema gives it. `also`: problems that no schema of one field sees.
 * Errors: ApiError validation_failed.
 */
export function checked<T>(schema: z.ZodType<T>, also?: (input: unknown) => Problem[]): PipeTransform<unknown, T> {
  return { transform: (input) => parse(schema, input, also) };
}

/**
 * The context of a command: what its query and headers say. Errors: ApiError validation_failed. Nest resolves the
 * parameters of a route side by side and answers with the first one that fails. This one fails at once, a pipe a moment
 * later, so that a bad header is told before a bad body; `refusals.spec` holds it.
 */
export const Command = createParamDecorator((_data: unknown, context: ExecutionContext): CommandContext => {
  return commandContext(requestOf(context));
});

/** Who calls, and in which request: for a call that is no command, but is recorded. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): Metadata => {
  return metadataOf(requestOf(context));
});

/** For a route that takes no query: one that was meant for something else is told, not left unread. */
@Injectable()
export class NoQuery implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    parse(nothingAsked, requestOf(context).query);
    return true;
  }
}

function requestOf(context: ExecutionContext): FastifyRequest {
  return context.switchToHttp().getRequest<FastifyRequest>();
}
