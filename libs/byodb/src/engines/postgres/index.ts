import type { Engine } from '../../engine.js';
import { PostgresConnection } from './connection.js';
import { ddl } from './ddl.js';
import { indexes } from './indexes/read-indexes.js';
import { keeps, note, refuses, refusesIndex } from './types.js';

export const postgres: Engine = {
  name: 'postgres',
  facts: { transactionalDdl: true, tellsNamesApartByCase: true },
  ddl,
  keeps,
  note,
  refuses,
  indexes,
  refusesIndex,
  open(address) {
    if (address.engine !== 'postgres')
      throw new TypeError(`not an address of a PostgreSQL database: ${address.engine}`);
    return new PostgresConnection(postgres, address);
  },
};
