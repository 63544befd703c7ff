import { AddressProblem } from '../../address.js';
import type { Engine } from '../../engine.js';
import { SqliteConnection } from './connection.js';
import { ddl } from './ddl.js';
import { indexes } from './indexes/read-indexes.js';
import { keeps, note, refuses } from './types.js';

export const sqlite: Engine = {
  name: 'sqlite',
  facts: { transactionalDdl: true, tellsNamesApartByCase: false },
  ddl,
  keeps,
  note,
  refuses,
  indexes,
  refusesIndex: () => null,
  open(address) {
    if (address.engine !== 'sqlite') throw new AddressProblem('engine', 'is not a SQLite file');
    return new SqliteConnection(sqlite, address);
  },
};
