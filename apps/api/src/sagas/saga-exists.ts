import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SagaQueries } from './sagas.queries.js';

/** For a route on a saga: that it is unknown is told before anything is said of the body. */
@Injectable()
export class SagaExists implements CanActivate {
  constructor(private readonly sagas: SagaQueries) {}

  /** Errors: ApiError saga_not_found. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { params } = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id: string } }>>();
    await this.sagas.one(params.id);
    return true;
  }
}
