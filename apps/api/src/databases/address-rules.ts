import { Injectable } from '@nestjs/common';
import { resolve } from 'node:path';
import { z } from 'zod';
import { AddressProblem, connectionSchema, ENGINE_NAMES, fromFields, parseUrl, type Address } from '#byodb';
import { ApiError } from '../http/api-error.js';
import { databaseName, reason } from '#tables';

const where = {
  url: z.string().min(1).max(2048).optional(),
  engine: z.enum(ENGINE_NAMES).optional(),
  connection: connectionSchema.optional(),
  schema: z.string().min(1).max(63).optional(),
};
/** The core id of the service that has managed the database, as the refusal told it. */
const takeOver = z.strictObject({ core_id: z.string().min(1).max(64), reason });
export const registration = z.strictObject({ name: databaseName, ...where, take_over: takeOver.optional() });
export const relocation = z.strictObject(where);

export type RegisterDatabase = z.output<typeof registration>;
export type MoveDatabase = z.output<typeof relocation>;

/** What a caller says of where a database is. */
@Injectable()
export class AddressRules {
  read(body: MoveDatabase): Address {
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
