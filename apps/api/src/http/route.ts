import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  Injectable,
  RequestMapping,
  RequestMethod,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Metadata } from '#event-store';
import type { Call } from './call.js';
import { commandContext, metadataOf, nothingAsked, parse, type CommandContext } from './input.js';

const METHODS = {
  get: RequestMethod.GET,
  post: RequestMethod.POST,
  put: RequestMethod.PUT,
  delete: RequestMethod.DELETE,
};
const TheCall = Reflector.createDecorator<Call>();
const reflector = new Reflector();

type Checked<Schema> = Schema extends z.ZodType ? z.output<Schema> : never;
type BodyOf<C extends Call> = Checked<C['body']>;
type QueryOf<C extends Call> = Checked<C['query']>;
/** Holds the types of a method's parameters against its call: the compiler looks at no decorator beside them. */
type Takes<Taken extends unknown[], C extends Call> = [BodyOf<C>] extends [Taken[number]]
  ? [QueryOf<C>] extends [Taken[number]]
    ? unknown
    : { 'no parameter takes the query of the call': QueryOf<C> }
  : { 'no parameter takes the body of the call': BodyOf<C> };

/**
 * The method that answers a call: path, method, status, and whether a query is refused, all from its entry. `guards`
 * come after that refusal.
 */
export function Route<C extends Call>(call: C, ...guards: Type<CanActivate>[]) {
  const decorate = applyDecorators(
    TheCall(call),
    RequestMapping({ method: METHODS[call.method], path: call.path.replace(/\{(\w+)\}/g, ':$1') }),
    UseGuards(...(call.query === undefined && call.command === undefined ? [NoQuery] : []), ...guards),
    // What a command answers tells its own status.
    ...(call.answer === undefined ? [] : [HttpCode(call.answer.status)]),
  );
  return <Taken extends unknown[], Given>(
    target: object,
    key: string,
    method: TypedPropertyDescriptor<(...taken: Taken) => Given> & Takes<Taken, C>,
  ): void => decorate(target, key, method);
}

/** Done in a pipe, a moment after all that fails at once: see `Command`. */
const check = createParamDecorator((part: 'body' | 'query', context: ExecutionContext): (() => unknown) => {
  const call = reflector.get(TheCall, context.getHandler());
  const schema = call[part];
  if (schema === undefined || schema === 'unread')
    throw new Error(`the call ${call.path} has no schema of its ${part}`);
  return () => parse(schema, requestOf(context)[part], part === 'body' ? call.also : undefined);
});
const inPipe: PipeTransform<() => unknown, unknown> = { transform: (checks) => checks() };

/** What the schema of the call makes of the body. Errors: ApiError validation_failed. */
export const CheckedBody = (): ParameterDecorator => check('body', inPipe);

/** What the schema of the call makes of the query. Errors: ApiError validation_failed. */
export const CheckedQuery = (): ParameterDecorator => check('query', inPipe);

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
