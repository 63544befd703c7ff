import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { CoreDatabase } from '#event-store';
import { AddressProblem, connectionSchema, ENGINE_NAMES, fromFields, parseUrl, type Address } from '#byodb';
import { listDatabases } from '#tables';
import { ApiError } from '../http/api-error.js';
import { commandContext, metadataOf, nothingAsked, pageShape, parse } from '../http/input.js';
import { send } from '../tables/tables.controller.js';
import { databaseName } from '../tables/tables.js';
import { AsideLists } from './aside.js';
import { DatabaseChanges } from './changes.js';
import { Databases } from './databases.js';
import { DatabasePast } from './past.js';

const where = {
  url: z.string().min(1).max(2048).optional(),
  engine: z.enum(ENGINE_NAMES).optional(),
  connection: connectionSchema.optional(),
  schema: z.string().min(1).max(63).optional(),
};
const reason = z.string().min(1, 'must not be empty').max(1000);
/** The core id of the service that has managed the database, as the refusal told it. */
const takeOver = z.strictObject({ core_id: z.string().min(1).max(64), reason });
export const registration = z.strictObject({ name: databaseName, ...where, take_over: takeOver.optional() });
export const relocation = z.strictObject(where);

/** What a caller says of where a database is. */
export class AddressRules {
  read(body: z.output<typeof relocation>): Address {
    try {
      const { url, engine, connection, schema } = body;
      if ((url === undefined) === (connection === undefined))
        throw new AddressProblem('url', 'give either url or engine and connection');
      if (url !== undefined && engine !== undefined) throw new AddressProblem('engine', 'is told by the url');
      if (url === undefined && engine === undefined) throw new AddressProblem('engine', 'is required with connection');
      const parsed = url !== undefined ? parseUrl(url) : fromFields(engine!, connection!, schema);
      if (url !== undefined && schema !== undefined && parsed.engine !== 'postgres')
        throw new AddressProblem('schema', 'is for postgres alone');
      const address =
        url !== undefined && schema !== undefined && parsed.engine === 'postgres'
          ? fromFields(
              'postgres',
              {
                host: parsed.host,
                port: parsed.port,
                user: parsed.user,
                password: parsed.password,
                database: parsed.database,
                tls: parsed.tls,
              },
              schema,
            )
          : parsed;
      return address.engine === 'sqlite' ? { ...address, file: resolve(address.file) } : address;
    } catch (error) {
      if (error instanceof AddressProblem)
        throw new ApiError('validation_failed', `${error.path} ${error.message}`, {
          errors: [{ path: error.path, message: error.message }],
        });
      throw error;
    }
  }
}

export class DatabaseLists {
  constructor(
    private readonly core: CoreDatabase,
    private readonly databases: Databases,
  ) {}

  async list(query: unknown): Promise<object> {
    const { limit, cursor } = parse(z.strictObject(pageShape), query);
    const rows = await listDatabases(this.core, { limit: limit + 1, before: cursor });
    const databases = await this.databases.views(rows.slice(0, limit).map((row) => row.database));
    return { databases, next_cursor: rows.length > limit ? String(rows[limit - 1]!.position) : null };
  }
}

@Controller('databases')
export class DatabasesController {
  constructor(
    private readonly databases: Databases,
    private readonly rules: AddressRules,
    private readonly lists: DatabaseLists,
    private readonly past: DatabasePast,
    private readonly changes: DatabaseChanges,
    private readonly asides: AsideLists,
  ) {}

  @Post()
  async register(@Query() query: unknown, @Body() body: unknown, @Req() request: FastifyRequest): Promise<object> {
    parse(nothingAsked, query);
    const { name, take_over, ...rest } = parse(registration, body);
    return {
      database: await this.databases.view(
        await this.databases.register(name, this.rules.read(rest), metadataOf(request), take_over),
      ),
    };
  }

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    return this.lists.list(query);
  }

  @Get(':name')
  async one(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return { database: await this.databases.view(await this.databases.byName(name)) };
  }

  @Get(':name/history')
  async history(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    return this.past.history(name, query);
  }

  @Get(':name/aside')
  async aside(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    return this.asides.ofDatabase(name, query);
  }

  @Get(':name/drift')
  async drift(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return this.past.drift(name);
  }

  @Post(':name/adopt')
  async adopt(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.adopt(commandContext(request), name, body));
  }

  @Post(':name/catch-up')
  async catchUp(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.catchUp(commandContext(request), name, body));
  }

  @Post(':name/drift/resolve')
  async resolve(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.resolve(commandContext(request), name, body));
  }

  @Post(':name/forget')
  async forget(
    @Param('name') name: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    parse(nothingAsked, query);
    send(reply, await this.changes.forget(metadataOf(request), name, body));
  }

  @Post(':name/test')
  @HttpCode(200)
  async test(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    const database = await this.databases.byName(name);
    await this.databases.test(database);
    return { database: await this.databases.view(database) };
  }

  @Put(':name')
  async change(
    @Param('name') name: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<object> {
    parse(nothingAsked, query);
    await this.databases.byName(name);
    return {
      database: await this.databases.view(
        await this.databases.change(name, this.rules.read(parse(relocation, body)), metadataOf(request)),
      ),
    };
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string, @Query() query: unknown, @Req() request: FastifyRequest): Promise<void> {
    parse(nothingAsked, query);
    await this.databases.remove(name, metadataOf(request));
  }
}
