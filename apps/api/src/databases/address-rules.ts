import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  AddressProblem,
  connectionSchema,
  ENGINE_NAMES,
  fromFields,
  inSchema,
  parseUrl,
  withWholePath,
  type Address,
} from '#byodb';
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
      return withWholePath(addressOf(body));
    } catch (error) {
      if (error instanceof AddressProblem)
        throw new ApiError('validation_failed', `${error.path} ${error.message}`, {
          errors: [{ path: error.path, message: error.message }],
        });
      throw error;
    }
  }
}

/** Errors: AddressProblem. */
function addressOf({ url, engine, connection, schema }: MoveDatabase): Address {
  if (url !== undefined && connection === undefined) {
    if (engine !== undefined) throw new AddressProblem('engine', 'is told by the url');
    const address = parseUrl(url);
    return schema === undefined ? address : inSchema(address, schema);
  }
  if (url !== undefined || connection === undefined)
    throw new AddressProblem('url', 'give either url or engine and connection');
  if (engine === undefined) throw new AddressProblem('engine', 'is required with connection');
  return fromFields(engine, connection, schema);
}
