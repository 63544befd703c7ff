import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Databases } from './databases.js';

/** For a route on a database: that it is unknown is told before anything is said of the body. */
@Injectable()
export class DatabaseExists implements CanActivate {
  constructor(private readonly databases: Databases) {}

  /** Errors: ApiError database_not_found. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { params } = context.switchToHttp().getRequest<FastifyRequest<{ Params: { name: string } }>>();
    await this.databases.byName(params.name);
    return true;
  }
}
